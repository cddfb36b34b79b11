// Looking for what may be applied at last costs as much as has appeared, however much waits; and what a look has missed is found within the hour.
import { expect, onTestFinished, test } from 'vitest'
import { receivePaddleEvent } from '../../src/commands/paddle-event/receive-paddle-event.ts'
import { getPaddleEvent, paddleEventsThatAre } from '../../src/projections/paddle-events.ts'
import type { Views } from '../../src/projections/views.ts'
import { applyPaddleEventsSweep } from '../../src/workers/apply-paddle-events.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { onDistributed } from '../support/distributed-app.ts'
import { openTemporary } from '../support/embedded-engine.ts'
import { note, opened, paddleId } from '../support/paddle-door.ts'
import { openPaddleShop, type PaddleShop, SECRET } from '../support/paddle.ts'
import { operatorRoot, signIn } from '../support/seed.ts'

const PARKED = 5_000
const HOUR_MS = 60 * 60_000

let app: TestApp
let shop: PaddleShop
let parked: readonly { readonly eventId: string; readonly paymentId: string }[]

/** All are received and parked. */
async function start(): Promise<void> {
  const { engine } = await openTemporary()
  // No job ever arrives: the sweep alone finds what is due.
  const lossy = { ...engine.jobs, add: () => Promise.resolve() }
  const settings = { PADDLE_WEBHOOK_SECRET: SECRET, USAGE_LOG: 'off' }
  app = await startTestApp(settings, { engine: { ...engine, jobs: lossy } })
  onTestFinished(() => app.stop())
  shop = await openPaddleShop(app)
  parked = await Promise.all(Array.from({ length: PARKED }, () => received()))
  await app.settled()
  await app.app.workers.sweep()
  await app.settled()
}

/** A payment that nobody knows. */
async function received() {
  const { deps } = app.app
  const paymentId = paddleId('txn')
  const amounts = { subtotal: '1000', discount: '0' }
  const message = note('transaction.completed', {
    id: paymentId,
    status: 'completed',
    origin: 'api',
    customer_id: paddleId('ctm'),
    currency_code: 'USD',
    items: [{ price: { id: 'pri_topup' }, quantity: 1 }],
    details: {
      totals: { ...amounts, tax: '0', total: '1000' },
      line_items: [{ price_id: 'pri_topup', totals: amounts }],
    },
  })
  const given = { text: JSON.stringify(message), source: 'webhook' } as const
  const { eventId } = await receivePaddleEvent(deps, operatorRoot(deps), given)
  return { eventId, paymentId }
}

const statusOf = async (nth: number) =>
  (await getPaddleEvent(app.app.deps.views, parked[nth]?.eventId ?? ''))?.status

/** A process of its own, with its reads of the views counted. `blind`: it sees no link that was made. */
function aSweep() {
  const { deps } = app.app
  let reads = 0
  let isBlind = false
  const counted: Views = {
    ...deps.views,
    get: (...asked) => (reads++, deps.views.get(...asked)),
    getMany: (...asked) => (reads++, deps.views.getMany(...asked)),
    find(projection, query) {
      reads++
      const none = isBlind && query.index === 'made' && !query.descending
      return deps.views.find(projection, none ? { ...query, from: 'z' } : query)
    },
  }
  const sweep = applyPaddleEventsSweep({ ...deps, views: counted })
  return async (so: { blind?: boolean } = {}) => {
    reads = 0
    isBlind = so.blind ?? false
    const found = await sweep.run(new AbortController().signal)
    await app.settled()
    return { found, reads }
  }
}

async function link(nth: number): Promise<void> {
  const { orgId } = await signIn(app)
  const { paymentId = '' } = parked[nth] ?? {}
  await opened(app, orgId, { paymentId, planId: shop.plans.free })
  await app.settled()
}

test.skipIf(onDistributed())(
  `of ${PARKED} that wait, those are read whose payment appeared`,
  { timeout: 120_000 },
  async () => {
    await start()
    const waiting: string[] = []
    for await (const { eventId } of paddleEventsThatAre(app.app.deps.views, 'parked'))
      waiting.push(eventId)
    expect(waiting).toHaveLength(PARKED)
    const look = aSweep()
    // The first look of a process goes through all: two reads for each two hundred.
    expect(await look()).toEqual({ found: 0, reads: 52 })
    expect(await look()).toEqual({ found: 0, reads: 3 })
    await link(7)
    const third = await look()
    expect(third.found).toBe(1)
    expect(third.reads).toBeLessThan(20)
    expect(await statusOf(7)).toBe('applied')

    await link(8)
    await look({ blind: true })
    await look()
    expect(await statusOf(8)).toBe('parked')
    app.clock.advance(HOUR_MS)
    expect((await look()).found).toBe(1)
    expect(await statusOf(8)).toBe('applied')
  },
)
