/**
 * The embedded engine: SQLite files in one directory, the rest in memory, one process.
 *
 * Opened in an order that leaves nothing half open: directory, lock, keys, log, contents, views; a
 * refusal closes what was opened. After a stop that did not close the log, every page of log and keys is
 * checked; contents are not (each part is sealed, so damage shows when it is opened). Views that claim to
 * be ahead of the log belong to another log and are forgotten, since they can be rebuilt.
 */
import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Clock } from '../../ports/clock.ts'
import type { Engine } from '../../ports/engine.ts'
import type { Logger } from '../../ports/logger.ts'
import { openContentStore } from './content-store.ts'
import { createCounters } from './counters.ts'
import { openEventStore } from './event-store.ts'
import { networkFileSystem, syncDirectory } from './sqlite/files.ts'
import { readHeadMark } from './sqlite/head-mark.ts'
import { createJobQueue } from './job-queue.ts'
import { openKeyStore } from './key-store.ts'
import { createLiveFeed } from './live-feed.ts'
import { HEAD_FILE, LOG_FILE } from './sqlite/log-file.ts'
import { lockDirectory } from './sqlite/lock.ts'
import { StoreRefused } from '../../ports/store-refused.ts'
import { openViewStore } from './view-store.ts'

export interface EngineOptions {
  readonly dataDir: string
  readonly logger: Logger
  /** What rates, leases and short-lived values go by. */
  readonly clock: Clock
  /** Reads beside a running process, takes no lock; every write is refused. */
  readonly readOnly?: boolean
  /** The master key comes by configuration: none is kept beside the data. */
  readonly masterKeyGiven?: boolean
}

/** @throws StoreRefused with one sentence for a person. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const dataDir = resolve(options.dataDir)
  const readOnly = options.readOnly === true
  const closers: (() => unknown)[] = []
  const opened = <T extends { close(): unknown }>(part: T): T => {
    closers.push(() => part.close())
    return part
  }
  const close = async () => {
    for (const closer of closers.splice(0).toReversed()) await closer()
  }
  try {
    if (readOnly) requireData(dataDir)
    else closers.push(prepareDirectory(dataDir, options.logger))
    const mark = readHeadMark(join(dataDir, HEAD_FILE))
    const whole = mark?.closed === false
    // Beside events there were keys and contents: new ones would make every sealed value unreadable.
    const filled = (mark?.head ?? 0) > 0
    const keys = opened(openKeyStore(dataDir, { ...options, whole, filled }))
    const log = opened(openEventStore(dataDir, { readOnly }))
    const contents = opened(openContentStore(dataDir, { readOnly, filled }))
    const views = opened(openViewStore(dataDir, { readOnly }))
    if (!readOnly) {
      syncDirectory(dataDir)
      if (views.furthest() > log.head()) {
        options.logger.warn({}, 'the views are ahead of the log: they are rebuilt')
        views.clear()
      }
    }
    const feed = opened(createLiveFeed())
    const jobs = opened(createJobQueue(options.logger))
    return {
      singleProcess: true,
      events: log.store,
      contents: contents.store,
      views: views.views,
      snapshots: views.snapshots,
      jobs,
      counters: createCounters(options.clock),
      feed,
      keys: keys.store,
      health: async () => [
        health('event log', log.off()),
        health('content store', contents.off()),
        health('key store', undefined),
        health('view store', undefined),
      ],
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function health(service: string, off: unknown): { service: string; ok: boolean; detail?: string } {
  if (off === undefined) return { service, ok: true }
  return { service, ok: false, detail: off instanceof Error ? off.message : 'turned off' }
}

function requireData(dataDir: string): void {
  if (existsSync(join(dataDir, LOG_FILE))) return
  throw new StoreRefused(`There is no Daybook data in ${dataDir}.`)
}

/** Makes the directory, private to this user, and takes the lock; answers how to give it back. */
function prepareDirectory(dataDir: string, logger: Logger): () => void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const network = networkFileSystem(dataDir)
  if (network !== undefined) {
    throw new StoreRefused(
      `${dataDir} is on a network file system (${network}), where neither locks nor syncs can be trusted: point DATA_DIR at a local disk.`,
    )
  }
  const lock = lockDirectory(dataDir)
  if ((statSync(dataDir).mode & 0o077) !== 0) {
    try {
      chmodSync(dataDir, 0o700)
    } catch {
      logger.warn({ dataDir }, 'the data directory can be read by other users')
    }
  }
  return () => lock.release()
}
