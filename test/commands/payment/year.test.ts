// A year of one subscription, with everything that happens to one, has every month the balance of a model
// that knows only sums.
import { expect, test } from 'vitest'
import { recordPayment } from '../../../src/commands/payment/record-payment.ts'
import { recordReturn } from '../../../src/commands/payment/record-return.ts'
import { followSubscription } from '../../../src/commands/subscription/follow-subscription.ts'
import { account } from '../../../src/domain/account/account.ts'
import { availableOf, balanceOf, debtOf } from '../../../src/domain/account/state.ts'
import { payments } from '../../../src/domain/payment/payments.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import { addMonths } from '../../../src/domain/subscription/period.ts'
import { accessOf, currentOf } from '../../../src/domain/subscription/state.ts'
import { subscription } from '../../../src/domain/subscription/subscription.ts'
import { checked } from '../../cli/log.ts'
import { hold, idOf, settle } from '../../support/account-commands.ts'
import { AccountOracle } from '../../support/account-oracle.ts'
import { createMemory, rootOf } from '../../support/memory-streams.ts'

const ORG = idOf('organization', 1)
const [small, large, free] = [idOf('plan', 1), idOf('plan', 2), idOf('plan', 3)]
const usd = (cents: number): bigint => BigInt(cents) * 10_000_000n
const at = (month: number, date: number, hour = 0): string =>
  new Date(Date.UTC(2027, month - 1, date, hour)).toISOString()

/** What a customer could count on paper: packets of credit, the next to lapse first, and what is owed. */
class Paper {
  packets: { of: string; left: bigint; until: string }[] = []
  owed = 0n

  #lapse(now: string): void {
    this.packets = this.packets.filter(({ until }) => until > now)
  }

  #use(amount: bigint): bigint {
    let rest = amount
    for (const packet of this.packets.toSorted((a, b) => (a.until < b.until ? -1 : 1))) {
      const used = packet.left < rest ? packet.left : rest
      packet.left -= used
      rest -= used
    }
    return rest
  }

  has(now: string): bigint {
    this.#lapse(now)
    return this.packets.reduce((sum, { left }) => sum + left, 0n) - this.owed
  }

  comes(now: string, of: string, amount: bigint, until = '9'): void {
    this.#lapse(now)
    this.packets.push({ of, left: amount, until })
    this.owed = this.#use(this.owed)
  }

  goes(now: string, of: string, amount: bigint): void {
    this.#lapse(now)
    let rest = amount
    for (const packet of this.packets.filter((one) => one.of === of)) {
      const taken = packet.left < rest ? packet.left : rest
      packet.left -= taken
      rest -= taken
    }
    this.owed = this.#use(this.owed + rest)
  }

  /** Answers whether it could be paid. */
  spends(now: string, amount: bigint): boolean {
    if (this.owed > 0n || this.has(now) < amount) return false
    this.#use(amount)
    return true
  }
}

/** One organization here, the same on paper, and the provider that tells of it. */
class Year {
  readonly memory = createMemory()
  readonly paper = new Paper()
  now = at(1, 1)
  #messages = 0
  #calls = 0
  #seed = 7

  #root() {
    const n = ++this.#messages
    const occurredAt = this.now.replace('Z', `${String(n).padStart(6, '0')}Z`)
    return { root: rootOf(`evt_${n}`, this.now), source: { occurredAt, eventId: `evt_${n}` } }
  }

  async takesByHand(planId: string) {
    const { root } = this.#root()
    const subscriptionId = 'manual:1'
    const command = { type: 'Subscribe', subscriptionId, planId, planVersion: 1, graceDays: 0 }
    await this.memory.deps.streams.transact(
      subscription,
      ORG,
      { ...command, type: 'Subscribe', eventId: '1', at: this.now },
      { ...root, commandId: root.id },
    )
  }

  /** Everything is told twice. */
  async says(
    status: 'trialing' | 'active' | 'past_due' | 'canceled',
    more: Partial<Parameters<typeof followSubscription>[3]> = {},
  ) {
    const { root, source } = this.#root()
    const plan = { planId: small, planVersion: 1, graceDays: 7, startedAt: at(1, 1) }
    const message = { subscriptionId: 'sub_1', status, ...plan, ...more, ...source }
    for (const _ of [1, 2]) await followSubscription(this.memory.deps, root, ORG, message)
  }

  async pays(paymentId: string, more: Partial<Parameters<typeof recordPayment>[3]>) {
    const { root, source } = this.#root()
    const message = {
      paymentId,
      purpose: 'period',
      subscriptionId: 'sub_1',
      planId: small,
      planVersion: 1,
      creditNanos: usd(2_000).toString(),
      currency: 'USD',
      totalMinor: '2400',
      taxMinor: '400',
      ...more,
      ...source,
    } as const
    for (const _ of [1, 2]) await recordPayment(this.memory.deps, root, ORG, message)
  }

  async returns(returnId: string, more: Partial<Parameters<typeof recordReturn>[3]>) {
    const { root, source } = this.#root()
    const message = {
      returnId,
      paymentId: 'none',
      kind: 'refund',
      status: 'approved',
      currency: 'USD',
      totalMinor: '0',
      ...more,
      ...source,
    } as const
    for (const _ of [1, 2]) await recordReturn(this.memory.deps, root, ORG, message)
  }

  /** A pseudo-random number below so many, the same in every run. */
  #below(most: number): number {
    this.#seed = (this.#seed * 48_271) % 2_147_483_647
    return this.#seed % most
  }

  /** So many calls in the days from now on, of up to so many cents each. */
  async calls(count: number, cents: number) {
    let refused = 0
    for (let n = 0; n < count; n++) {
      this.now = new Date(Date.parse(this.now) + 3_600_000).toISOString()
      const price = BigInt(1 + this.#below(cents)) * 10_000_000n - 1n
      const paid = await this.#call(price)
      expect(this.paper.spends(this.now, price)).toBe(paid)
      if (!paid) refused++
    }
    return refused
  }

  async #call(price: bigint): Promise<boolean> {
    const { streams } = this.memory.deps
    const call = ++this.#calls
    const { now } = this
    const context = { ...rootOf(`call ${call}`, now), commandId: `call ${call}` }
    try {
      const placed = hold(call, price, { at: now, requestedAt: now })
      await streams.transact(account, ORG, placed, context)
    } catch (error) {
      if (error instanceof Refusal && error.code === 'insufficient_credit') return false
      throw error
    }
    await streams.transact(account, ORG, settle(call, price, { at: now }), context)
    return true
  }

  async compared(planId: string) {
    const { streams } = this.memory.deps
    const context = { ...rootOf(`sweep ${this.now}`, this.now), commandId: `sweep ${this.now}` }
    await streams.transact(account, ORG, { type: 'ExpireCredit', at: this.now }, context)
    const { state } = await streams.load(account, ORG)
    const { state: plans } = await streams.load(subscription, ORG)
    expect({
      balance: balanceOf(state),
      available: availableOf(state, this.now),
      debt: debtOf(state),
      plan: accessOf(plans, this.now)?.planId,
    }).toEqual({
      balance: this.paper.has(this.now),
      available: this.paper.has(this.now),
      debt: this.paper.owed,
      plan: planId,
    })
    return balanceOf(state)
  }
}

/** The period that begins on the 15th of a month. */
const period = (month: number) => ({
  periodStart: at(month, 15),
  periodEnd: addMonths(at(month, 15), 1),
})

test('a year of a subscription', { timeout: 20_000 }, async () => {
  const year = new Year()
  const { paper } = year
  const renew = async (month: number, planId: string, cents: number) => {
    const more = { planId, ...period(month) }
    await year.says('active', more)
    await year.pays(`txn_${month}`, { ...more, creditNanos: usd(cents).toString() })
    paper.comes(year.now, `txn_${month}`, usd(cents), period(month).periodEnd)
  }
  const balances: bigint[] = []
  /** The middle of a month: its calls, then what paper says. */
  const live = async (month: number, planId: string, calls = 40, cents = 60) => {
    const refused = await year.calls(calls, cents)
    balances.push(await year.compared(planId))
    year.now = at(month + 1, 15)
    return refused
  }

  await year.takesByHand(free)
  const trial = { periodStart: at(1, 1), periodEnd: at(1, 15) }
  await year.says('trialing', trial)
  const tried = { purpose: 'trial', creditNanos: usd(500).toString(), totalMinor: '0' } as const
  await year.pays('txn_trial', { ...tried, ...trial })
  paper.comes(year.now, 'txn_trial', usd(500), at(1, 15))
  await year.calls(10, 40)

  year.now = at(1, 15)
  await renew(1, small, 2_000)
  await live(1, small)
  await renew(2, small, 2_000)
  // Spends more than the month brings.
  expect(await live(2, small, 80, 80)).toBeGreaterThan(0)

  await renew(3, small, 2_000)
  const bought = {
    purpose: 'top_up',
    creditNanos: usd(1_000).toString(),
    totalMinor: '1000',
  } as const
  await year.pays('txn_top_up', { ...bought, taxMinor: '0' })
  paper.comes(year.now, 'txn_top_up', usd(1_000))
  await live(3, small, 70)

  // The card is refused on the 15th, and takes the payment five days later.
  await year.says('past_due', { ...period(4) })
  await year.calls(10, 30)
  await year.compared(small)
  year.now = at(4, 20)
  await renew(4, small, 2_000)
  await live(4, small)

  await renew(5, small, 2_000)
  await live(5, small)

  await renew(6, small, 2_000)
  await year.calls(30, 60)
  year.now = at(6, 30)
  const upgrade = { planId: large, ...period(6) }
  await year.says('active', upgrade)
  await year.pays('txn_upgrade', {
    ...upgrade,
    creditNanos: usd(5_000).toString(),
    shareMillionths: 500_000,
    totalMinor: '1800',
  })
  paper.comes(year.now, 'txn_upgrade', usd(1_500), period(6).periodEnd)
  await live(6, large)

  await renew(7, large, 5_000)
  await live(7, large, 90)

  // Half of August's money goes back after most of its credit was spent.
  await renew(8, large, 5_000)
  await year.calls(120, 80)
  await year.returns('adj_8', { paymentId: 'txn_8', totalMinor: '1200', status: 'pending' })
  await year.compared(large)
  await year.returns('adj_8', { paymentId: 'txn_8', totalMinor: '1200' })
  paper.goes(year.now, 'txn_8', usd(2_500))
  expect(paper.owed > 0n).toBe(true)
  expect(await live(8, large, 5)).toBe(5)

  await renew(9, large, 5_000)
  expect(paper.owed).toBe(0n)
  await live(9, large)

  await renew(10, large, 5_000)
  await year.returns('adj_10', { paymentId: 'txn_top_up', kind: 'chargeback', totalMinor: '1000' })
  paper.goes(year.now, 'txn_top_up', usd(1_000))
  await live(10, large)

  await year.returns('adj_11', {
    paymentId: 'txn_top_up',
    kind: 'chargeback',
    undoes: true,
    totalMinor: '1000',
  })
  paper.comes(year.now, 'txn_top_up', usd(1_000))
  await renew(11, large, 5_000)
  await year.says('active', {
    planId: large,
    ...period(11),
    scheduled: { change: 'cancel', at: at(12, 15) },
  })
  await live(11, large)

  await year.says('canceled', { planId: large, endsAt: at(12, 15) })
  await live(12, free, 5)
  await year.compared(free)

  expect(new Set(balances).size).toBe(balances.length)
  const { streams } = year.memory.deps
  const { state } = await streams.load(subscription, ORG)
  expect(currentOf(state)?.planId).toBe(free)
  expect(AccountOracle.of(year.memory.eventsOf(account, ORG)).violations).toEqual([])
  const written = [
    ...year.memory
      .eventsOf(subscription, ORG)
      .map((one) => ({ ...one, stream: `subscription-${ORG}` })),
    ...year.memory.eventsOf(payments, ORG).map((one) => ({ ...one, stream: `payment-${ORG}` })),
    ...year.memory.eventsOf(account, ORG).map((one) => ({ ...one, stream: `account-${ORG}` })),
  ]
  const { violations } = checked(written, { quiet: true })
  expect(violations.filter(({ invariant }) => invariant.startsWith('W'))).toEqual([])
})
