/**
 * `log.head`: the position of the last event that was acknowledged, and whether the log was closed
 * properly. SQLite cannot tell a WAL that lost its end from one that never had it; this mark can.
 *
 * Written after each commit without a sync of its own: it may lag behind the log after a power cut, but
 * it is never ahead of it, so a log that ends before its mark has lost events that were promised.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'

const LENGTH = 64

export interface HeadMark {
  readonly head: number
  /** False while the log is open, and after a stop that did not close it. */
  readonly closed: boolean
}

/** undefined where there is no mark; one that cannot be read counts as not closed, at position 0. */
export function readHeadMark(path: string): HeadMark | undefined {
  if (!existsSync(path)) return undefined
  const line = readFileSync(path, 'utf8').trimEnd()
  const match = /^(\d+) (open|closed) ([0-9a-f]+)$/.exec(line)
  const [, head, state, sum] = match ?? []
  if (!head || sum !== checksum(`${head} ${state}`)) return { head: 0, closed: false }
  return { head: Number(head), closed: state === 'closed' }
}

export class HeadMarkFile {
  readonly #file: number
  readonly #buffer = Buffer.alloc(LENGTH)

  constructor(path: string) {
    // Not 'w': the old mark must survive until the new one is written over it.
    this.#file = openSync(path, existsSync(path) ? 'r+' : 'w', 0o600)
  }

  /** The mark may lag, so a disk that does not take it must not fail the commit that it follows. */
  moved(head: number): void {
    try {
      this.#write(head, 'open')
    } catch {
      // The next commit writes it again.
    }
  }

  opened(head: number): void {
    this.#write(head, 'open')
    fsyncSync(this.#file)
  }

  closed(head: number): void {
    this.#write(head, 'closed')
    fsyncSync(this.#file)
    closeSync(this.#file)
  }

  abandon(): void {
    closeSync(this.#file)
  }

  #write(head: number, state: 'open' | 'closed'): void {
    const text = `${head} ${state}`
    this.#buffer.fill(' ')
    this.#buffer.write(`${text} ${checksum(text)}`, 0, 'latin1')
    this.#buffer.write('\n', LENGTH - 1, 'latin1')
    writeSync(this.#file, this.#buffer, 0, LENGTH, 0)
  }
}

const checksum = (text: string) => crc32(text).toString(16)
