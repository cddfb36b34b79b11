/**
 * Where the files of a test run are: in memory where that has room. A log that waits for the disk at
 * each commit waits for little else in a test, and what SIGKILL leaves is the same on both.
 */
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'
/** A container may have 64 MB of it; a run needs a few hundred. */
const ROOM_BYTES = 4 * 1024 ** 3

function hasRoom(): boolean {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize > ROOM_BYTES
  } catch {
    return false
  }
}

/** Vitest calls it before the first worker starts, and what it answers after the last one has ended. */
export default function quickDisk(): () => void {
  const folder = mkdtempSync(join(hasRoom() ? MEMORY : tmpdir(), 'daybook-tests-'))
  process.env['TMPDIR'] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
