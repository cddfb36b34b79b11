/**
 * Group commit: what is asked within one tick shares one transaction, and so one sync of the disk.
 *
 * Promises: an answer is given only after the commit that holds it; if the commit fails, everything in
 * it is rolled back and rejected with Unavailable, nothing half-written. After an I/O error the file is
 * never written again by this process: a failed fsync must not be retried, since the kernel may have
 * dropped the very pages that it could not write. One batch is capped, so it blocks the loop briefly.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { Unavailable } from '../../../ports/unavailable.ts'
import { SQLITE_CORRUPT, SQLITE_IOERR, SQLITE_NOTADB, scalar, sqliteCode } from './database.ts'

const MAX_ITEMS = 128
const MAX_BYTES = 4 * 1024 * 1024
/** Pages in the WAL (4 KiB each) from which it is copied back into the database file. */
const CHECKPOINT_PAGES = 10_000
/** Asking for the length of the WAL costs a few microseconds: not after each commit. */
const COMMITS_BETWEEN_LOOKS = 64

interface Pending {
  readonly items: number
  readonly bytes: number
  readonly work: () => unknown
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

export interface GroupCommitOptions {
  /** For Unavailable and for people. */
  readonly service: string
  readonly onCommit?: () => void
  readonly onRollback?: () => void
}

export class GroupCommit {
  readonly #db: DatabaseSync
  readonly #options: GroupCommitOptions
  readonly #begin: StatementSync
  readonly #end: StatementSync
  #queue: Pending[] = []
  #scheduled = false
  #commits = 0
  #off: unknown

  constructor(db: DatabaseSync, options: GroupCommitOptions) {
    this.#db = db
    this.#options = options
    this.#begin = db.prepare('BEGIN IMMEDIATE')
    this.#end = db.prepare('COMMIT')
    // Checkpoints are ours, so that an I/O error in one is seen and not swallowed.
    db.exec('PRAGMA wal_autocheckpoint=0')
  }

  /** Why nothing can be written any more; undefined while all is well. */
  get off(): unknown {
    return this.#off
  }

  /**
   * Runs `work` inside the next transaction and answers its result once that is durable. `work` must be
   * synchronous. What it throws fails its whole batch; an Error that it returns rejects only its own.
   */
  run<T>(items: number, bytes: number, work: () => T | Error): Promise<T> {
    if (this.#off !== undefined) return Promise.reject(this.#unavailable(this.#off))
    return new Promise<T>((resolve, reject) => {
      this.#queue.push({ items, bytes, work, resolve, reject })
      this.#schedule()
    })
  }

  /** Commits what is waiting, then takes nothing more. */
  close(): void {
    while (this.#queue.length > 0) this.#flush()
    this.#off ??= new Error('closed')
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#flush()
      if (this.#queue.length > 0) this.#schedule()
    })
  }

  #flush(): void {
    const batch = this.#takeBatch()
    if (batch.length === 0) return
    let results: unknown[]
    try {
      if (this.#off !== undefined) throw this.#off
      this.#begin.run()
      results = batch.map((pending) => pending.work())
      this.#end.run()
    } catch (error) {
      this.#fail(batch, error)
      return
    }
    this.#options.onCommit?.()
    for (let i = 0; i < batch.length; i++) {
      const result = results[i]
      if (result instanceof Error) batch[i]?.reject(result)
      else batch[i]?.resolve(result as never)
    }
    if (++this.#commits % COMMITS_BETWEEN_LOOKS === 0) this.#checkpoint()
  }

  #takeBatch(): Pending[] {
    let items = 0
    let bytes = 0
    let count = 0
    for (const pending of this.#queue) {
      items += pending.items
      bytes += pending.bytes
      if (count > 0 && (items > MAX_ITEMS || bytes > MAX_BYTES)) break
      count++
    }
    if (count === this.#queue.length) {
      const all = this.#queue
      this.#queue = []
      return all
    }
    return this.#queue.splice(0, count)
  }

  #fail(batch: readonly Pending[], error: unknown): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
    } catch (rollbackError) {
      this.#off ??= rollbackError
    }
    this.#turnOffAfter(error)
    this.#options.onRollback?.()
    for (const pending of batch) pending.reject(this.#unavailable(error))
  }

  #checkpoint(): void {
    try {
      const row = this.#db.prepare('PRAGMA wal_checkpoint(NOOP)').get()
      if (Number(row?.['log'] ?? 0) >= CHECKPOINT_PAGES) {
        scalar(this.#db, 'PRAGMA wal_checkpoint(PASSIVE)')
      }
    } catch (error) {
      // A full disk only puts the checkpoint off: what was committed is safe in the WAL.
      this.#turnOffAfter(error)
    }
  }

  #turnOffAfter(error: unknown): void {
    const code = sqliteCode(error)
    if (code === SQLITE_IOERR || code === SQLITE_CORRUPT || code === SQLITE_NOTADB) {
      this.#off ??= error
    }
  }

  #unavailable(cause: unknown): Unavailable {
    return new Unavailable(this.#options.service, cause)
  }
}
