/**
 * The append-only file. Appends that wait are written together and flushed with one fsync (group commit);
 * callers are told only after it. One entry is one append, whole or cut off at the next start, never half.
 * Offsets in the file are the positions of the events: they rise for ever and are never reused.
 */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  write,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'

const MAGIC = Buffer.from('ESPEER1\n')
/** Length and checksum. */
export const ENTRY_HEADER = 8
const WINDOW = 8 * 1024 * 1024

export interface Log {
  /** Where the next entry's body will begin. */
  nextBody(): number
  append(body: Buffer, waiting: OnFlush): void
  /** Waits for the flush of what was appended until now. */
  afterFlush(acknowledge: () => void): void
  read(offset: number, length: number): Buffer
  /** Writes the first half of an entry, as a server does that dies while it writes. */
  tear(body: Buffer): void
  /** Waits for what was appended, then closes. */
  close(): Promise<void>
  /** Ends at once; what was not flushed may be lost, as when the process is killed. */
  abandon(): void
}

export interface OnFlush {
  /** Runs at the flush, before anyone is told. */
  readonly committed?: () => void
  readonly acknowledge: () => void
}

interface Waiting {
  readonly entry: Buffer
  readonly onFlush: OnFlush
}

/** Logs of this process that were abandoned while they wrote: the write must not meet the next opening. */
const abandoned = new Map<string, Promise<void>>()

/** Opens the file, gives each whole entry to `replay` and cuts off what comes after the last of them. */
export async function openLog(
  directory: string,
  replay: (body: Buffer, offset: number) => void,
  onGroup: (acknowledge: () => void) => void,
): Promise<Log> {
  await abandoned.get(directory)
  mkdirSync(directory, { recursive: true })
  const fd = openSync(join(directory, 'events.log'), 'a+')
  let end = recover(fd, replay)
  const groups = new GroupCommit(fd, onGroup)
  return {
    nextBody: () => end + ENTRY_HEADER,
    append(body, onFlush) {
      const entry = entryOf(body)
      end += entry.length
      groups.add({ entry, onFlush })
    },
    afterFlush: (acknowledge) => groups.add({ entry: Buffer.alloc(0), onFlush: { acknowledge } }),
    read(offset, length) {
      const bytes = Buffer.allocUnsafe(length)
      readSync(fd, bytes, 0, length, offset)
      return bytes
    },
    tear(body) {
      const entry = entryOf(body)
      writeSync(fd, entry, 0, ENTRY_HEADER + Math.floor(body.length / 2))
      fdatasyncSync(fd)
    },
    async close() {
      await groups.idle()
      if (groups.stop()) closeSync(fd)
    },
    abandon() {
      const ended = groups.inFlight()
      if (groups.stop())
        abandoned.set(
          directory,
          ended.then(() => closeSync(fd)),
        )
    },
  }
}

/** Writes and flushes what waits, one group at a time. */
class GroupCommit {
  readonly #fd: number
  readonly #onGroup: (acknowledge: () => void) => void
  #waiting: Waiting[] = []
  #state: 'idle' | 'scheduled' | 'writing' | 'stopped' = 'idle'
  #onIdle: (() => void) | undefined
  /** A write or a flush is under way in the operating system. */
  #busy = false
  #onWritten: (() => void) | undefined

  constructor(fd: number, onGroup: (acknowledge: () => void) => void) {
    this.#fd = fd
    this.#onGroup = onGroup
  }

  add(waiting: Waiting): void {
    this.#waiting.push(waiting)
    if (this.#state !== 'idle') return
    this.#state = 'scheduled'
    // What arrives in one turn of the event loop shares the first flush already.
    setImmediate(() => this.#writeGroup())
  }

  async idle(): Promise<void> {
    if (this.#state !== 'scheduled' && this.#state !== 'writing') return
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve
    })
  }

  /** Ends when the group that is being written now has been, whatever comes of it. */
  async inFlight(): Promise<void> {
    if (!this.#busy) return
    await new Promise<void>((resolve) => {
      this.#onWritten = resolve
    })
  }

  /** False where it had been stopped before. */
  stop(): boolean {
    if (this.#state === 'stopped') return false
    this.#state = 'stopped'
    return true
  }

  #writeGroup(): void {
    if (this.#state === 'stopped') return
    if (this.#waiting.length === 0) {
      this.#state = 'idle'
      return this.#onIdle?.()
    }
    this.#state = 'writing'
    this.#busy = true
    const group = this.#waiting
    this.#waiting = []
    writeAll(this.#fd, Buffer.concat(group.map(({ entry }) => entry)), () => {
      fdatasync(this.#fd, (error) => {
        this.#busy = false
        this.#onWritten?.()
        if (this.#state === 'stopped') return
        if (error) throw error
        this.#finish(group)
      })
    })
  }

  #finish(group: readonly Waiting[]): void {
    for (const { onFlush } of group) onFlush.committed?.()
    this.#onGroup(() => {
      for (const { onFlush } of group) onFlush.acknowledge()
    })
    this.#writeGroup()
  }
}

function entryOf(body: Buffer): Buffer {
  const header = Buffer.allocUnsafe(ENTRY_HEADER)
  header.writeUInt32LE(body.length, 0)
  header.writeUInt32LE(crc32(body), 4)
  return Buffer.concat([header, body])
}

function writeAll(fd: number, bytes: Buffer, done: () => void): void {
  write(fd, bytes, (error, written) => {
    if (error) throw error
    if (written < bytes.length) writeAll(fd, bytes.subarray(written), done)
    else done()
  })
}

function recover(fd: number, replay: (body: Buffer, offset: number) => void): number {
  const size = fstatSync(fd).size
  if (size < MAGIC.length) {
    ftruncateSync(fd, 0)
    writeSync(fd, MAGIC)
    fdatasyncSync(fd)
    return MAGIC.length
  }
  let end = MAGIC.length
  while (end < size) {
    const next = replayWindow(fd, end, size, replay)
    if (next === end) break
    end = next
  }
  if (end < size) ftruncateSync(fd, end)
  return end
}

/** Replays the whole entries of one window of the file; answers where the last of them ends. */
function replayWindow(
  fd: number,
  start: number,
  size: number,
  replay: (body: Buffer, offset: number) => void,
): number {
  const header = Buffer.alloc(ENTRY_HEADER)
  if (readSync(fd, header, 0, ENTRY_HEADER, start) < ENTRY_HEADER) return start
  const needed = ENTRY_HEADER + header.readUInt32LE(0)
  if (start + needed > size) return start
  const window = Buffer.allocUnsafe(Math.min(size - start, Math.max(WINDOW, needed)))
  readSync(fd, window, 0, window.length, start)
  let at = 0
  while (at + ENTRY_HEADER <= window.length) {
    const bodyEnd = at + ENTRY_HEADER + window.readUInt32LE(at)
    if (bodyEnd > window.length) break
    const body = window.subarray(at + ENTRY_HEADER, bodyEnd)
    if (crc32(body) !== window.readUInt32LE(at + 4)) break
    replay(body, start + at + ENTRY_HEADER)
    at = bodyEnd
  }
  return start + at
}
