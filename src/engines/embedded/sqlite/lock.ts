/**
 * One process per data directory. The lock is an exclusive SQLite transaction on `lock.db` that stays
 * open: the operating system takes it away when the process dies, however it dies. The number of the
 * process stands in `daybook.pid` only for the message.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sqliteCode } from './database.ts'
import { StoreRefused } from '../../../ports/store-refused.ts'

const SQLITE_BUSY = 5

export interface Lock {
  release(): void
}

/** @throws StoreRefused naming the process that has the directory. */
export function lockDirectory(dataDir: string): Lock {
  const pidFile = join(dataDir, 'daybook.pid')
  const db = new DatabaseSync(join(dataDir, 'lock.db'), { timeout: 0 })
  try {
    db.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (sqliteCode(error) !== SQLITE_BUSY) {
      throw new StoreRefused(`${dataDir} cannot be locked; lock.db there may be deleted.`, error)
    }
    throw new StoreRefused(
      `${dataDir} is in use by another Daybook process${holder(pidFile)}: stop it first, or ask it through the command line.`,
      error,
    )
  }
  writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o600 })
  return {
    release() {
      rmSync(pidFile, { force: true })
      db.close()
    },
  }
}

function holder(pidFile: string): string {
  try {
    const pid = readFileSync(pidFile, 'utf8').trim()
    return /^\d+$/.test(pid) ? ` (pid ${pid})` : ''
  } catch {
    return ''
  }
}
