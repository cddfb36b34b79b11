// W1, W2: whatever a provider tells, in any order, repeated, and with the process dying at any append,
// ends in the same subscriptions, payments and credit.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordPayment } from '../../../src/commands/payment/record-payment.ts'
import { recordReturn } from '../../../src/commands/payment/record-return.ts'
import { followSubscription } from '../../../src/commands/subscription/follow-subscription.ts'
import { account } from '../../../src/domain/account/account.ts'
import { balanceOf, debtOf, postedOf } from '../../../src/domain/account/state.ts'
import type { Decider, DomainEvent } from '../../../src/domain/decider.ts'
import { payments } from '../../../src/domain/payment/payments.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import { accessOf, currentOf } from '../../../src/domain/subscription/state.ts'
import { subscription } from '../../../src/domain/subscription/subscription.ts'
import { checked } from '../../cli/log.ts'
import { hold, idOf, settle } from '../../support/account-commands.ts'
import { AccountOracle } from '../../support/account-oracle.ts'
import { day, lifecycles, small, type Told } from '../../support/lifecycles.ts'
import { createMemory, Killed, rootOf } from '../../support/memory-streams.ts'

const ORG = idOf('organization', 1)
const free = idOf('plan', 3)
/** Within the first period, and after all of them. */
const arrivals = [day(3, 15), day(8, 1)]

type Memory = ReturnType<typeof createMemory>
type AnyDecider = Decider<unknown, unknown, DomainEvent>

async function tell({ deps }: Memory, one: Told, at: string): Promise<boolean> {
  const root = rootOf(one.message.eventId, at)
  try {
    if (one.kind === 'subscription') await followSubscription(deps, root, ORG, one.message)
    else if (one.kind === 'payment') await recordPayment(deps, root, ORG, one.message)
    else await recordReturn(deps, root, ORG, one.message)
    return true
  } catch (error) {
    if (error instanceof Refusal && error.code === 'payment_not_found') return false
    throw error
  }
}

/** As a worker does: what waits for a payment is told again, and what was interrupted. */
async function deliver(
  memory: Memory,
  all: readonly Told[],
  at: string,
  deaths: readonly number[],
) {
  const waiting: Told[] = []
  for (const [index, one] of all.entries()) {
    const death = deaths[index]
    if (death !== undefined) {
      memory.dieAfter(death)
      await tell(memory, one, at).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error
      })
      memory.live()
    }
    if (!(await tell(memory, one, at))) waiting.push(one)
  }
  for (const one of waiting) expect(await tell(memory, one, at)).toBe(true)
}

/** Somebody who has a free plan by hand and has spent what they once bought. */
async function begin(memory: Memory) {
  const { deps } = memory
  const topUp = {
    paymentId: 'txn_before',
    purpose: 'top_up',
    planId: small,
    planVersion: 1,
    creditNanos: '10000000000',
    currency: 'USD',
    totalMinor: '1000',
    taxMinor: '0',
    occurredAt: '2027-01-01T00:00:00.000000000Z',
    eventId: 'evt_before',
  } as const
  const at = day(1, 1)
  const byHand = {
    type: 'Subscribe',
    subscriptionId: 'manual:1',
    planId: free,
    planVersion: 1,
    graceDays: 0,
    eventId: '1',
    at,
  } as const
  const context = { ...rootOf('by hand', at), commandId: 'by hand' }
  await deps.streams.transact(subscription, ORG, byHand, context)
  await recordPayment(deps, rootOf('evt_before', at), ORG, topUp)
  for (const command of [
    hold(1, 10_000_000_000n, { at, requestedAt: at }),
    settle(1, 10_000_000_000n, { at }),
  ])
    await deps.streams.transact(account, ORG, command, { ...rootOf('call', at), commandId: 'call' })
}

const goneAgain: Told = {
  kind: 'return',
  message: {
    returnId: 'adj_before',
    paymentId: 'txn_before',
    kind: 'refund',
    status: 'approved',
    currency: 'USD',
    totalMinor: '1000',
    occurredAt: '2027-03-03T00:00:00.000000000Z',
    eventId: 'evt_gone',
  },
}

async function outcome(memory: Memory) {
  const { deps } = memory
  const [bought, money, taken] = [
    (await deps.streams.load(payments, ORG)).state,
    (await deps.streams.load(account, ORG)).state,
    (await deps.streams.load(subscription, ORG)).state,
  ]
  expect(AccountOracle.of(memory.eventsOf(account, ORG)).violations).toEqual([])
  const written = [subscription, payments, account].flatMap((decider) => {
    const stream = `${decider.category}-${ORG}`
    return memory.eventsOf(decider as AnyDecider, ORG).map((event) => ({ stream, ...event }))
  })
  const { violations } = checked(written, { quiet: true })
  expect(violations.filter(({ invariant }) => invariant.startsWith('W'))).toEqual([])
  const sorted = <V>(map: Iterable<readonly [string, V]>) => Object.fromEntries(map)
  return {
    payments: sorted(bought.payments),
    returns: sorted(bought.returns),
    subscriptions: sorted(taken.all),
    current: currentOf(taken)?.subscriptionId,
    access: [day(2, 20), day(3, 12), day(4, 2), day(4, 9), day(5, 2)].map((at) =>
      accessOf(taken, at),
    ),
    posted: [...bought.payments.keys()]
      .toSorted()
      .map((paymentId) => [paymentId, postedOf(money, paymentId)]),
    balance: balanceOf(money),
    debt: debtOf(money),
  }
}

async function told(all: readonly Told[], at: string, deaths: readonly number[] = []) {
  const memory = createMemory()
  await begin(memory)
  await deliver(memory, all, at, deaths)
  return { memory, outcome: await outcome(memory) }
}

describe.each(Object.entries(lifecycles))('%s', (_name, life) => {
  const all = [...life, goneAgain]
  const orders = fc
    .subarray(all)
    .chain((again) =>
      fc.shuffledSubarray([...all, ...again], { minLength: all.length + again.length }),
    )

  it.each(arrivals)('is the same in any order, heard on %s', async (at) => {
    const { outcome: expected } = await told(all, at)
    await fc.assert(
      fc.asyncProperty(orders, async (order) => {
        expect((await told(order, at)).outcome).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })

  it('is the same where the process dies before any of its appends', async () => {
    const [at] = arrivals
    const { outcome: expected } = await told(all, String(at))
    await fc.assert(
      fc.asyncProperty(
        orders,
        fc.array(fc.option(fc.nat(3), { nil: undefined }), { maxLength: 2 * all.length }),
        async (order, deaths) => {
          const drawn = deaths.map((one) => one ?? Number.POSITIVE_INFINITY)
          expect((await told(order, String(at), drawn)).outcome).toEqual(expected)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('told again changes nothing', async () => {
    const { memory } = await told(all, day(8, 1))
    const { appends } = memory
    await deliver(memory, all, day(9, 1), [])
    expect(memory.appends).toBe(appends)
  })
})
