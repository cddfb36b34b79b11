/** What the figures were taken on. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import type { Logger } from '../src/ports/logger.ts'
import { median } from './harness.ts'

export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
  error: (fields, message) => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
}

/** For processes that open an engine again and again: what a server is set up like is said once, at the start. */
export const onlyErrors: Logger = { ...quiet, warn: () => undefined }

export interface Machine {
  readonly platform: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly node: string
  /** Append of 4 KiB and its sync, median, on the disk of the run. */
  readonly diskSyncMs: number
}

export function machine(folder: string): Machine {
  return {
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    diskSyncMs: syncCost(folder),
  }
}

function syncCost(folder: string): number {
  const file = openSync(join(folder, 'sync'), 'a')
  const block = Buffer.alloc(4_096, 1)
  const times = Array.from({ length: 200 }, () => {
    const begun = performance.now()
    writeSync(file, block)
    fdatasyncSync(file)
    return performance.now() - begun
  })
  closeSync(file)
  return Math.round(median(times) * 1_000) / 1_000
}

/** Resident memory of a process in MB. */
export function residentMb(pid: number): number {
  const kilobytes = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
  return Number(kilobytes.trim()) / 1_024
}
