/**
 * The spine on an engine of its own for each test: streams of a counter, as one process after another
 * opens them.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
import { createIds } from '../../src/adapters/ids.ts'
import { createSealer } from '../../src/adapters/sealing.ts'
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { step, type Root } from '../../src/commands/context.ts'
import { createEventCodec } from '../../src/commands/event-codec.ts'
import { createStreams } from '../../src/commands/streams.ts'
import { openEngine } from '../../src/engines/embedded/index.ts'
import type { Engine } from '../../src/ports/engine.ts'
import type { EventStore } from '../../src/ports/event-store.ts'
import { counterEvents } from './counter.ts'
import { silent } from './silent.ts'

export const ids = createIds()
/** Of the test that runs. */
export let engine: Engine

/** Opens and removes the engine around each test of a file. */
export function useEngine(): void {
  let folder: string
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'daybook-streams-'))
    engine = await openEngine({ dataDir: folder, logger: silent, clock: createSystemClock() })
  })
  afterEach(async () => {
    await engine.close()
    rmSync(folder, { recursive: true, force: true })
  })
}

/** One process. */
export async function setUp(events: EventStore = engine.events, alone = false) {
  const masterKey = await engine.keys.masterKey()
  const sealer = await createSealer({ keys: engine.keys, masterKey: masterKey as Uint8Array })
  const codec = createEventCodec(counterEvents, { sealer, ids })
  const { snapshots } = engine
  const streams = createStreams({ events, snapshots, codec, logger: silent, alone })
  return { streams, sealer }
}

const root = (digest?: string): Root => {
  const id = ids.random()
  return {
    id,
    actor: { kind: 'operator' },
    at: '2026-11-01T12:00:00.000Z',
    correlationId: id,
    causationId: id,
    ...(digest === undefined ? {} : { digest }),
  }
}
export const context = (digest?: string) => step(ids, root(digest), 'raise')
export const raise = (by = 1, max?: number) =>
  max === undefined ? { type: 'Raise' as const, by } : { type: 'Raise' as const, by, max }
