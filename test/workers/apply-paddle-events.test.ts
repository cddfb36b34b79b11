// Any order and any repetition of what Paddle says ends in one and the same state, whatever is learned first: what was paid, or for whom.
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { account } from '../../src/domain/account/account.ts'
import { balanceOf } from '../../src/domain/account/state.ts'
import { findOwner } from '../../src/commands/paddle-event/find-owner.ts'
import { recordPayment } from '../../src/commands/payment/record-payment.ts'
import { creditOf } from '../../src/domain/payment/credit.ts'
import { payments } from '../../src/domain/payment/payments.ts'
import { currentOf } from '../../src/domain/subscription/state.ts'
import { subscription } from '../../src/domain/subscription/subscription.ts'
import { paddleEventsThatAre } from '../../src/projections/paddle-events.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { quiet } from '../support/crash-data.ts'
import { openTemporary } from '../support/embedded-engine.ts'
import { onDistributed } from '../support/distributed-app.ts'
import { openPaddleShop, type PaddleShop, SECRET } from '../support/paddle.ts'
import { type Note, opened, send } from '../support/paddle-door.ts'
import { type Ending, stories, tell } from '../support/paddle-lifecycles.ts'
import { paid as paidMessage } from '../support/payment-messages.ts'
import { operatorRoot, signIn, type SignedIn } from '../support/seed.ts'

/** Servers take their time: there every other story is told, backwards and in one order of its own. */
const RUNS = onDistributed() ? 1 : 4
const storiesToTell = stories.filter((_story, nth) => !onDistributed() || nth % 2 === 1)

let app: TestApp
let shop: PaddleShop
let person: SignedIn
beforeAll(async () => {
  app = await startTestApp({ PADDLE_WEBHOOK_SECRET: SECRET, USAGE_LOG: 'off' })
  shop = await openPaddleShop(app)
  person = await signIn(app)
}, 30_000)
afterAll(() => app.stop())

let runs = 0
/** The same story with ids of its own: every run is another customer's. */
function ownIds<T>(told: T): T {
  const own = `x${++runs}`
  const text = JSON.stringify(told).replaceAll(
    /\b(?:evt|ntf|txn|sub|ctm|adj|inv)_[0-9a-z]+/g,
    `$&${own}`,
  )
  // Ids are nothing but texts in it.
  return JSON.parse(text) as T
}

interface Arrival {
  readonly notes: readonly Note[]
  /** After so many of them it becomes known whose the payments are. */
  readonly linkedAfter: number
  /** After so many everything that was received is applied, before the others come. */
  readonly pauseAfter: number | null
}

/** Without a plan, as nobody's personal one is. */
async function anOrganization(): Promise<string> {
  const { token } = person
  const made = await app.request<{ id: string }>('POST /organizations', {
    token,
    body: { name: 'T' },
  })
  expect(made.status, made.text).toBe(201)
  return made.body.id
}

async function arrive(paymentIds: readonly string[], { notes, linkedAfter, pauseAfter }: Arrival) {
  const orgId = await anOrganization()
  const link = async () => {
    for (const paymentId of paymentIds)
      await opened(app, orgId, { paymentId, planId: shop.plans.team })
  }
  for (const [at, one] of notes.entries()) {
    if (at === linkedAfter) await link()
    if (at === pauseAfter) await quiet(app.app, { calls: false })
    expect((await send(app, one)).status).toBe(200)
  }
  if (linkedAfter >= notes.length) await link()
  return orgId
}

async function endOf(orgId: string): Promise<Ending> {
  const { streams } = app.app.deps
  const [{ state: paid }, { state: subscribed }, { state: has }] = await Promise.all([
    streams.load(payments, orgId),
    streams.load(subscription, orgId),
    streams.load(account, orgId),
  ])
  const current = currentOf(subscribed)
  const slug = Object.entries(shop.plans).find(([, planId]) => planId === current?.planId)?.[0]
  return {
    status: current?.status ?? null,
    plan: (slug as Ending['plan']) ?? null,
    scheduled: current?.scheduled?.change ?? null,
    credit: creditOf(paid).map(({ nanos }) => nanos.toString()),
    balance: has ? balanceOf(has).toString() : '0',
  }
}

/** Some twice or three times, in any order, known for whom at any time, applied at any time. */
const anyArrival = (notes: readonly Note[]): fc.Arbitrary<Arrival> =>
  fc
    .tuple(
      fc.array(fc.constantFrom(...notes), { maxLength: 6 }),
      fc.nat({ max: notes.length + 6 }),
      fc.option(fc.nat({ max: notes.length })),
    )
    .chain(([twice, linkedAfter, pauseAfter]) =>
      fc
        .shuffledSubarray([...notes, ...twice], { minLength: notes.length + twice.length })
        .map((shuffled) => ({ notes: shuffled, linkedAfter, pauseAfter })),
    )

/** Made anew each time, and named where one fails. */
const seed = Math.trunc(Math.random() * 2 ** 31)

test.each(storiesToTell.map((story) => [story.name, story] as const))(
  '%s',
  async (_name, story) => {
    const { notes, payments: paid } = tell(story, app.clock.now())
    const arrivals: readonly (Arrival & { readonly as: string })[] = [
      ...(onDistributed()
        ? []
        : [{ as: 'in Paddle’s order', notes, linkedAfter: 0, pauseAfter: null }]),
      {
        as: 'in the opposite order, not known for whom until the end',
        notes: notes.toReversed(),
        linkedAfter: notes.length,
        pauseAfter: null,
      },
      ...fc
        .sample(anyArrival(notes), { numRuns: RUNS, seed })
        .map((any, nth) => ({ ...any, as: `order ${nth} of seed ${seed}` })),
    ]
    // Each for an organization of its own, all at once.
    const orgs = await Promise.all(
      arrivals.map((arrival) => {
        const own = ownIds({ paid, arrival })
        return arrive(own.paid, own.arrival)
      }),
    )
    await quiet(app.app, { calls: false })
    await app.app.workers.sweep()
    await quiet(app.app, { calls: false })
    const ends = await Promise.all(orgs.map(endOf))
    for (const [nth, { as }] of arrivals.entries())
      expect({ as, ...ends[nth] }).toEqual({ as, ...story.ends })
  },
)

test('nothing is left open or parked', async () => {
  for (const status of ['received', 'parked'] as const) {
    const left: unknown[] = []
    for await (const one of paddleEventsThatAre(app.app.deps.views, status)) left.push(one)
    expect(left).toEqual([])
  }
})

test.skipIf(onDistributed())(
  'what a lost queue has left, and what was parked, is found by the sweep',
  async () => {
    const { engine } = await openTemporary()
    const { jobs } = engine
    // No job ever arrives.
    const lossy = { ...jobs, add: () => Promise.resolve() }
    const environment = { PADDLE_WEBHOOK_SECRET: SECRET, USAGE_LOG: 'off' }
    const own = await startTestApp(environment, { engine: { ...engine, jobs: lossy } })
    try {
      const { plans } = await openPaddleShop(own)
      const { orgId } = await signIn(own)
      const story = stories.find(({ name }) => name === 'a top-up of which a quarter goes back')
      if (!story) throw new Error('there is no such story')
      const { notes, payments: ids } = tell(story, own.clock.now())
      for (const one of notes) await send(own, one)
      const left = async (status: 'received' | 'parked') => {
        await own.settled()
        const waiting: string[] = []
        const { views } = own.app.deps
        for await (const { eventId } of paddleEventsThatAre(views, status)) waiting.push(eventId)
        return waiting.length
      }
      expect(await left('received')).toBe(notes.length)
      await own.app.workers.sweep()
      expect({ received: await left('received'), parked: await left('parked') }).toEqual({
        received: 0,
        parked: 6,
      })
      for (const paymentId of ids) await opened(own, orgId, { paymentId, planId: plans.team })
      await own.settled()
      await own.app.workers.sweep()
      await own.settled()
      await own.app.workers.sweep()
      expect(await left('parked')).toBe(0)
      const { state } = await own.app.deps.streams.load(payments, orgId)
      expect(creditOf(state).map(({ nanos }) => nanos.toString())).toEqual(story.ends.credit)
    } finally {
      await own.stop()
    }
  },
)

test('a customer tells nothing while the views may lack what was opened since', async () => {
  const orgId = await anOrganization()
  const { deps } = app.app
  const customerId = 'ctm_behind'
  const message = { ...paidMessage(1), paymentId: 'txn_behind', customerId }
  await recordPayment(deps, operatorRoot(deps), orgId, message)
  await quiet(app.app)
  const links = ['payment:txn_unseen', `customer:${customerId}`]
  expect(await findOwner(deps, links)).toBe(orgId)
  const behind = { ...deps.views, passed: () => Promise.resolve(false) }
  expect(await findOwner({ ...deps, views: behind }, links)).toBe(undefined)
  expect(await findOwner({ ...deps, views: behind }, ['payment:txn_behind'])).toBe(orgId)
})
