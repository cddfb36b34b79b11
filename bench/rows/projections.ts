/**
 * Rebuilding a view through the runner, beside the same log read, parsed and folded in memory; reading
 * the whole log, beside JSON.parse of the very same texts.
 */
import { z } from 'zod'
import { createEventCodec } from '../../src/commands/event-codec.ts'
import { createIds } from '../../src/adapters/ids.ts'
import { createSealer } from '../../src/adapters/sealing.ts'
import { createSystemClock } from '../../src/adapters/system-clock.ts'
import { event } from '../../src/domain/event.ts'
import { clear } from '../../src/domain/personal.ts'
import { openEngine } from '../../src/engines/embedded/index.ts'
import type { Engine } from '../../src/ports/engine.ts'
import { BEFORE_ALL, type NewEvent, type StoredEvent } from '../../src/ports/event-store.ts'
import { projection, type Projection } from '../../src/projections/projection.ts'
import { createRunner } from '../../src/projections/runner.ts'
import { type Bench, inTurns, rowOf, type Sample, type Settings } from '../harness.ts'
import { quiet } from '../system.ts'

const PAGE = 1_000
const STREAM_LENGTH = 10
const CUSTOMERS = 50_000

export const orderEvents = {
  LineAdded: event('A line of an order.', {
    orderId: clear(z.string()),
    customer: clear(z.string()),
    amount: clear(z.int()),
    tokens: clear(z.int()),
    note: clear(z.string()),
    at: clear(z.string()),
  }),
}
export interface Sum {
  readonly id: string
  readonly lines: number
  readonly amount: number
  readonly tokens: number
  readonly lastNote: string
  readonly lastAt: string
}

export const sums = (name: string, field: 'orderId' | 'customer'): Projection<Sum> =>
  projection<Sum, typeof orderEvents>(orderEvents, {
    name,
    version: 1,
    indexes: {},
    on: {
      LineAdded: {
        keys: ({ data }) => data[field],
        project: (sum, { data }, key) => ({
          id: key,
          lines: (sum?.lines ?? 0) + 1,
          amount: (sum?.amount ?? 0) + data.amount,
          tokens: (sum?.tokens ?? 0) + data.tokens,
          lastNote: data.note,
          lastAt: data.at,
        }),
      },
    },
  })

/** Every order's lines stand together; its customer is anybody of 50,000. */
function lines(order: number): NewEvent[] {
  const at = new Date(1_760_000_000_000 + order * 1_000).toISOString()
  return Array.from({ length: STREAM_LENGTH }, () => {
    const id = crypto.randomUUID()
    const customer = `customer-${Math.floor(Math.random() * CUSTOMERS)}`
    const figures = { amount: order % 997, tokens: order % 4_001 }
    const data = { orderId: `order-${order}`, customer, ...figures, note: 'n'.repeat(150), at }
    const ids = { commandId: id, $correlationId: id, $causationId: id }
    const metadata = { v: 1, recordedAt: at, ...ids, actor: { kind: 'operator' } }
    return { id, type: 'LineAdded', data: JSON.stringify(data), metadata: JSON.stringify(metadata) }
  })
}

const sizeOf = ({ quick }: Settings) => (quick ? 60_000 : 300_000)

async function fill(settings: Settings): Promise<Engine> {
  const size = sizeOf(settings)
  settings.progress(`writing a log of ${size} events`)
  const engine = await openEngine({
    dataDir: settings.folder(),
    logger: quiet,
    clock: createSystemClock(),
  })
  await fillOrders(engine, size)
  return engine
}

export async function fillOrders(engine: Engine, size: number): Promise<void> {
  for (let order = 0; order < size / STREAM_LENGTH; order += 64)
    await Promise.all(
      Array.from({ length: Math.min(64, size / STREAM_LENGTH - order) }, (_, n) =>
        engine.events.append(`order-${order + n}`, 'none', lines(order + n)),
      ),
    )
}

async function rebuilds(settings: Settings, kind: 'clustered' | 'random', least: number) {
  const engine = await fill(settings)
  const size = sizeOf(settings)
  const masterKey = (await engine.keys.masterKey()) ?? new Uint8Array(32)
  const sealer = await createSealer({ keys: engine.keys, masterKey })
  const codec = createEventCodec(orderEvents, { sealer, ids: createIds() })
  const upcast = (one: StoredEvent) => codec.upcast(one)
  const view = sums(`bench-${kind}`, kind === 'clustered' ? 'orderId' : 'customer')
  const runner = createRunner({
    events: engine.events,
    store: engine.views,
    projections: [view],
    upcast,
    logger: quiet,
  })
  await runner.start()
  const timed = async (work: () => Promise<void>): Promise<Sample> => {
    const begun = performance.now()
    await work()
    return { value: size / ((performance.now() - begun) / 1_000) }
  }
  try {
    const compared = await inTurns(
      settings.rounds,
      () => timed(() => runner.rebuild(view.name)),
      () => timed(() => foldInMemory(engine, view, upcast)),
    )
    const given = {
      name: `rebuild-${kind}`,
      unit: 'events/s',
      besideName: 'read, parse and fold in memory',
      target: { of: 'ratio', least },
      notes: `${size} events, ${kind === 'clustered' ? size / STREAM_LENGTH : CUSTOMERS} documents`,
    } as const
    return [rowOf(given, compared)]
  } finally {
    await runner.stop()
    await engine.close()
  }
}

export async function foldInMemory(
  engine: Engine,
  view: Projection<Sum>,
  upcast: (event: StoredEvent) => StoredEvent,
): Promise<void> {
  const documents = new Map<string, Sum>()
  const handler = view.on['LineAdded'] as unknown as {
    keys(event: StoredEvent): string
    project(sum: Sum | undefined, event: StoredEvent, key: string): Sum
  }
  for (let after = BEFORE_ALL; ;) {
    const page = await engine.events.readAll({ after, limit: PAGE })
    for (const one of page.map(upcast)) {
      const key = handler.keys(one)
      documents.set(key, handler.project(documents.get(key), one, key))
    }
    const last = page.at(-1)
    if (!last || page.length < PAGE) return
    after = last.position
  }
}

async function replay(settings: Settings) {
  const engine = await fill(settings)
  const texts: string[] = []
  const size = sizeOf(settings)
  for (let order = 0; texts.length < size * 2; order++)
    for (const { data, metadata } of lines(order)) texts.push(data, metadata)
  const rate = (begun: number) => size / ((performance.now() - begun) / 1_000)
  try {
    const compared = await inTurns(
      settings.rounds,
      async () => {
        const begun = performance.now()
        for (let after = BEFORE_ALL; ;) {
          const page = await engine.events.readAll({ after, limit: PAGE })
          const last = page.at(-1)
          if (!last) break
          after = last.position
        }
        return { value: rate(begun) }
      },
      async () => {
        const begun = performance.now()
        let parsed: unknown
        for (const text of texts) parsed = JSON.parse(text)
        if (parsed === undefined) throw new Error('nothing was parsed')
        return { value: rate(begun) }
      },
    )
    const given = {
      name: 'replay',
      unit: 'events/s',
      besideName: 'JSON.parse of the same texts',
      target: { of: 'ratio', least: 0.6 },
      notes: `${size} events`,
    } as const
    return [rowOf(given, compared)]
  } finally {
    await engine.close()
  }
}

export const projectionRows: readonly Bench[] = [
  {
    names: ['rebuild-clustered'],
    title: 'rebuild of a view whose keys stand together in the log',
    run: (settings) => rebuilds(settings, 'clustered', 0.8),
  },
  {
    names: ['rebuild-random'],
    title: 'rebuild of a view whose keys are strewn over the log',
    run: (settings) => rebuilds(settings, 'random', 0.35),
  },
  { names: ['replay'], title: 'the whole log read', run: replay },
]
