/** An embedded engine in a directory of its own, closed and removed when the test has ended. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { openEngine } from '../../src/engines/embedded/index.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Engine } from '../../src/ports/engine.ts'
import { silent } from './silent.ts'

/** A directory that is removed when the test has ended. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'daybook-engine-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export async function openTemporary({
  dataDir = temporaryDirectory(),
  clock = createSystemClock(),
}: { dataDir?: string; clock?: Clock } = {}): Promise<{
  engine: Engine
  reopen: () => Promise<Engine>
}> {
  let engine = await openEngine({ dataDir, logger: silent, clock })
  onTestFinished(() => engine.close())
  return {
    engine,
    reopen: async () => {
      await engine.close()
      engine = await openEngine({ dataDir, logger: silent, clock })
      return engine
    },
  }
}
