// Releases that run side by side read each other, and what one cannot read stops it.
import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createIds } from '../../src/adapters/ids.ts'
import { createSealer } from '../../src/adapters/sealing.ts'
import { step } from '../../src/commands/context.ts'
import { createEventCodec } from '../../src/commands/event-codec.ts'
import { UnknownEvent } from '../../src/ports/unknown-event.ts'
import { createStreams } from '../../src/commands/streams.ts'
import { event, type EventDefinitions, type OlderVersion } from '../../src/domain/event.ts'
import { clear, personal } from '../../src/domain/personal.ts'
import type { Engine } from '../../src/ports/engine.ts'
import { counter, counterEvents } from '../support/counter.ts'
import { openTemporary } from '../support/embedded-engine.ts'
import { silent } from '../support/silent.ts'

const ids = createIds()
let engine: Engine
beforeEach(async () => {
  engine = (await openTemporary()).engine
})

/** A process of a release. */
async function setUp(definitions: EventDefinitions = counterEvents) {
  const masterKey = await engine.keys.masterKey()
  const sealer = await createSealer({ keys: engine.keys, masterKey: masterKey as Uint8Array })
  const { events, snapshots } = engine
  const codec = createEventCodec(definitions, { sealer, ids })
  return createStreams({ events, snapshots, codec, logger: silent })
}

function context() {
  const id = ids.random()
  const at = '2026-11-01T12:00:00.000Z'
  return step(ids, { id, actor: { kind: 'operator' }, at, correlationId: id, causationId: id }, 'a')
}
const raise = { type: 'Raise', by: 1 } as const

/** The counter's event one version later: it names its unit. */
const nextRelease = (writes?: OlderVersion): EventDefinitions => ({
  CounterRaised: event(
    'A counter was raised.',
    {
      by: clear(z.int()),
      unit: clear(z.string().default('pieces')),
      owner: clear(z.exactOptional(z.string())),
      note: z.exactOptional(personal(z.string(), 'owner')),
    },
    {
      v: 2,
      upcasts: { 1: (data) => ({ ...data, unit: 'unknown' }) },
      ...(writes ? { writes } : {}),
    },
  ),
})

describe('releases side by side', () => {
  const readable = { v: 1, as: ({ unit: _unit, ...data }: Record<string, unknown>) => data }

  test('read each other, where the new version was readable before it was written', async () => {
    const now = await setUp(nextRelease(readable))
    const next = await setUp(nextRelease())
    const noted = { ...raise, note: 'a note' }
    for (const streams of [now, next, now, next]) {
      streams.observe(await engine.events.readStream('counter-a'))
      await streams.transact(counter, 'a', noted, context())
    }
    const stored = await engine.events.readStream('counter-a')
    expect(stored.map(({ metadata, data }) => [metadata.v, data['unit']])).toEqual([
      [1, undefined],
      [2, 'pieces'],
      [1, undefined],
      [2, 'pieces'],
    ])
    for (const streams of [now, next]) {
      streams.observe(stored)
      const { state } = await streams.load(counter, 'a')
      expect(state).toEqual({ total: 4, notes: Array(4).fill('a note') })
    }
  })

  test('never store a sealed field under another name', async () => {
    const renaming = ({ note, ...data }: Record<string, unknown>) => ({ ...data, remark: note })
    const streams = await setUp(nextRelease({ v: 1, as: renaming }))
    const noted = { ...raise, note: 'canary-7731' }
    await expect(streams.transact(counter, 'a', noted, context())).rejects.toThrow(/remark/)
    expect(await engine.events.revision('counter-a')).toBeUndefined()
  })

  test('stop, two apart, at what they do not know', async () => {
    const old = await setUp()
    const next = await setUp(nextRelease())
    await old.transact(counter, 'a', raise, context())
    next.observe(await engine.events.readStream('counter-a'))
    await next.transact(counter, 'a', raise, context())
    old.observe(await engine.events.readStream('counter-a'))
    await expect(old.load(counter, 'a')).rejects.toThrow(UnknownEvent)
  })
})
