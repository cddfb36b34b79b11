/**
 * Kills the bare log at random moments, again and again on the same file, and checks after each kill:
 * every acknowledged event is there, revisions and positions have no gap, no append is there in part.
 */
import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { scalar } from '../../src/engines/embedded/sqlite/database.ts'
import { openEventStore } from '../../src/engines/embedded/event-store.ts'
import { LOG, LOG_FILE } from '../../src/engines/embedded/sqlite/log-file.ts'
import { openReader } from '../../src/engines/embedded/sqlite/database.ts'
import type { Position, StoredEvent } from '../../src/ports/event-store.ts'
import { BEFORE_ALL } from '../../src/ports/event-store.ts'

const WRITER = join(import.meta.dirname, 'log-writer.ts')
/** Up to this long after the log is open; every tenth kill comes while it is opening. */
const LONGEST_LIFE_MS = 60

type Child = ChildProcessByStdio<Writable, Readable, null>
interface Acknowledged {
  readonly stream: string
  readonly revision: number
  readonly ids: readonly string[]
}

export interface KillReport {
  readonly kills: number
  readonly acknowledged: number
  readonly events: number
}

export async function killLog(directory: string, kills: number): Promise<KillReport> {
  const verifier = new Verifier()
  let acknowledged = 0
  let next = startWriter()
  for (let cycle = 0; cycle < kills; cycle++) {
    const child = next
    const run = killAtRandom(child, directory, cycle)
    next = startWriter()
    const answers = await run
    acknowledged += answers.length
    await verifier.check(directory, answers)
  }
  next.kill('SIGKILL')
  await once(next, 'exit')
  await new Verifier().check(directory, [])
  const db = openReader(join(directory, LOG_FILE), LOG)
  expect(scalar(db, 'PRAGMA integrity_check')).toBe('ok')
  db.close()
  return { kills, acknowledged, events: verifier.events }
}

const startWriter = (): Child =>
  spawn(process.execPath, [WRITER], { stdio: ['pipe', 'pipe', 'inherit'] })

async function killAtRandom(
  child: Child,
  directory: string,
  cycle: number,
): Promise<Acknowledged[]> {
  let text = ''
  const opened = new Promise<void>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      resolve()
    })
  })
  const closed = once(child, 'close')
  child.stdin.write(`${directory} ${cycle}\n`)
  if (cycle % 10 !== 9) await Promise.race([opened, closed])
  await sleep(Math.random() * LONGEST_LIFE_MS)
  child.kill('SIGKILL')
  const [, signal] = (await closed) as [number | null, string | null]
  // A writer that ended by itself was refused or failed: its message is on standard error.
  expect(signal).toBe('SIGKILL')
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  return whole.split('\n').flatMap((line) => {
    const [stream, revision, ids] = line.split(' ')
    return stream && ids ? [{ stream, revision: Number(revision), ids: ids.split(',') }] : []
  })
}

/** Follows the log from cycle to cycle, so that each check reads only what is new. */
class Verifier {
  events = 0
  #position: Position = BEFORE_ALL
  readonly #revisions = new Map<string, number>()

  async check(directory: string, answers: readonly Acknowledged[]): Promise<void> {
    const log = openEventStore(directory)
    try {
      const places = new Map<string, string>()
      for (;;) {
        const page = await log.store.readAll({ after: this.#position, limit: 1_000 })
        if (page.length === 0) break
        for (const event of page) {
          this.#follow(event)
          places.set(event.id, `${event.stream}@${event.revision}`)
        }
      }
      this.#requireWhole()
      for (const { stream, revision, ids } of answers) {
        const expected = ids.map((_, i) => `${stream}@${revision - ids.length + 1 + i}`)
        expect(ids.map((id) => places.get(id))).toEqual(expected)
      }
    } finally {
      log.close()
    }
  }

  #open: { append: unknown; index: number; of: number } | undefined

  #follow(event: StoredEvent): void {
    const expected = (this.#revisions.get(event.stream) ?? -1) + 1
    if (event.revision !== expected)
      throw new Error(`${event.stream}: revision ${expected} missing`)
    if (event.position !== (this.events === 0 ? 1n : this.#position + 1n)) {
      throw new Error(`a gap before position ${event.position}`)
    }
    const { append, index, of } = event.data as { append: string; index: number; of: number }
    if (index === 0) this.#requireWhole()
    else if (this.#open?.append !== append || this.#open.index !== index - 1) {
      throw new Error(`append ${append} is there in part`)
    }
    this.#open = index === of - 1 ? undefined : { append, index, of }
    this.#revisions.set(event.stream, event.revision)
    this.#position = event.position
    this.events++
  }

  #requireWhole(): void {
    if (this.#open) throw new Error(`append ${String(this.#open.append)} is there in part`)
  }
}
