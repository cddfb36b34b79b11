/** Durable appends through the event store's own port, beside a plain file with the same bytes. */
import { closeSync, fdatasyncSync, openSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { openEngine } from '../../src/engines/embedded/index.ts'
import type { EventStore } from '../../src/ports/event-store.ts'
import { eventOf } from '../facts.ts'
import { type Bench, figure, inTurns, loops, rowOf, type Settings } from '../harness.ts'
import { quiet } from '../system.ts'

const STREAM_LENGTH = 10
const WARM_UP = 240
const LARGE = 200_000

/**
 * The write-ahead log grows once after each opening and is written over from then on; what is measured
 * is how the store works for the rest of the day.
 */
async function warmUp(events: EventStore, at: string): Promise<void> {
  const large = () => ({ ...eventOf(at), data: JSON.stringify({ note: 'x'.repeat(200_000) }) })
  for (let n = 0; n < 80; n++)
    await events.append(`warmUp-${n}`, 'none', [large(), large(), large()])
}

/** One array of what waits, one write and one sync for all of it. */
function syncedFile(path: string) {
  const file = openSync(path, 'a')
  let waiting: { line: string; resolve: () => void }[] = []
  function flush() {
    const batch = waiting
    waiting = []
    writeSync(file, batch.map(({ line }) => line).join(''))
    fdatasyncSync(file)
    for (const { resolve } of batch) resolve()
  }
  return {
    append: (line: string) =>
      new Promise<void>((resolve) => {
        if (waiting.length === 0) setImmediate(flush)
        waiting.push({ line, resolve })
      }),
    close: () => closeSync(file),
  }
}

const sizeOf = (dataDir: string): number => statSync(join(dataDir, 'log.db')).size

async function appends(settings: Settings, writers: number, least: number) {
  const { rounds, turnMs } = settings
  let bytesAnEvent = 0
  const compared = await inTurns(
    rounds,
    async () => {
      const dataDir = settings.folder()
      const engine = await openEngine({ dataDir, logger: quiet, clock: createSystemClock() })
      const at = new Date().toISOString()
      await warmUp(engine.events, at)
      const sample = await loops(writers, turnMs, (writer, n) => {
        const stream = `account-${writer}x${Math.floor(n / STREAM_LENGTH)}`
        const revision = n % STREAM_LENGTH
        return engine.events.append(stream, revision === 0 ? 'none' : revision - 1, [eventOf(at)])
      })
      const head = Number(await engine.events.head())
      await engine.close()
      bytesAnEvent = (sizeOf(dataDir) - WARM_UP * LARGE) / (head - WARM_UP)
      return sample
    },
    async () => {
      const file = syncedFile(join(settings.folder(), 'events.jsonl'))
      const at = new Date().toISOString()
      const sample = await loops(writers, turnMs, (writer, n) => {
        const { id, type, data, metadata } = eventOf(at)
        const place = `account-${writer}x${Math.floor(n / STREAM_LENGTH)}\t${n % STREAM_LENGTH}`
        return file.append(`${place}\t${id}\t${type}\t${data}\t${metadata}\n`)
      })
      file.close()
      return sample
    },
  )
  return rowOf(
    {
      name: `append-${writers}`,
      unit: 'events/s',
      besideName: 'file append + fdatasync, grouped',
      target: { of: 'ratio', least },
      notes: `${figure(bytesAnEvent)} bytes of disk an event; file p99 ${figure(compared.beside.p99 ?? 0)} ms`,
    },
    compared,
  )
}

export const appendRows: readonly Bench[] = [
  {
    names: ['append-1'],
    title: 'durable appends, one writer',
    run: async (settings) => [await appends(settings, 1, 0.95)],
  },
  {
    names: ['append-64'],
    title: 'durable appends, 64 writers',
    run: async (settings) => [await appends(settings, 64, 0.6)],
  },
]
