/**
 * A process that writes to the bare log from several writers until it is killed, and says on standard
 * output, one line each, which appends were acknowledged. It starts at the first line on standard input,
 * `directory cycle`, so that its own start can overlap with the check of the cycle before.
 */
import { randomUUID } from 'node:crypto'
import { readSync, writeSync } from 'node:fs'
import { openEventStore } from '../../src/engines/embedded/event-store.ts'
import { lockDirectory } from '../../src/engines/embedded/sqlite/lock.ts'
import type { EventStore } from '../../src/ports/event-store.ts'

const WRITERS = 12
/** Written by all writers in turns, over all cycles, so that appends to one stream meet in a batch. */
const SHARED = 'shared-stream'

const buffer = Buffer.alloc(4_096)
const length = readSync(0, buffer)
// Whoever started this process has gone: it must write nowhere, least of all where it stands.
if (length === 0) process.exit(1)
const [directory = '', cycle = ''] = buffer.toString('utf8', 0, length).trim().split(' ')

lockDirectory(directory)
const { store } = openEventStore(directory)
writeSync(1, 'open\n')
await Promise.all([
  ...Array.from({ length: WRITERS }, (_, n) => write(store, `writer-${cycle}-${n}`, n)),
  write(store, SHARED, WRITERS),
])

async function write(events: EventStore, stream: string, seed: number): Promise<never> {
  let revision = await events.revision(stream)
  for (let n = 0; ; n++) {
    const append = randomUUID()
    const of = ((n + seed) % 4) + 1
    const batch = Array.from({ length: of }, (_, index) => ({
      id: randomUUID(),
      type: `Written${seed % 3}`,
      data: JSON.stringify({ append, index, of, filler: 'x'.repeat((n * 37) % 900) }),
      metadata: JSON.stringify({ v: 1, recordedAt: new Date().toISOString() }),
    }))
    const answer = await events.append(stream, revision ?? 'none', batch)
    revision = answer.revision
    writeSync(1, `${stream} ${answer.revision} ${batch.map(({ id }) => id).join(',')}\n`)
  }
}
