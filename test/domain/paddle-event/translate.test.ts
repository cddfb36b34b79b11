// What Paddle says becomes what we say, to the last unit: by state, never by a float, and what is not known is never guessed.
import { describe, expect, it } from 'vitest'
import { MAX_NANOS } from '../../../src/domain/money.ts'
import { readNotice } from '../../../src/domain/paddle-event/payload.ts'
import {
  paymentMessage,
  type PriceUse,
  returnMessage,
  subscriptionMessage,
  useOf,
} from '../../../src/domain/paddle-event/translate.ts'
import type { PlanInput } from '../../../src/domain/plan/events.ts'

const planId = 'pln_7atetaqhqwbnn90j3rbxa5qm89'
const source = { eventId: 'evt_1', occurredAt: '2026-05-01T10:00:03.000000000Z' }

const terms = (change: Partial<PlanInput> = {}): PlanInput => ({
  name: 'Team',
  slug: 'team',
  prices: { priceListId: 'prl_7atetaqhqwbnn90j3rbxa5qm89' },
  includedCredit: { amountNanos: '10000000000', kind: 'included', period: 'month' },
  trial: { amountNanos: '2500000000', days: 14 },
  graceDays: 3,
  free: false,
  agents: 'all',
  limits: {},
  payment: {
    prices: [{ priceId: 'pri_month' }, { priceId: 'pri_year', times: 12 }],
    topUpPrices: ['pri_credit'],
    creditPerMinorUnit: { USD: '10000000', JPY: '6543210' },
  },
  selfSubscribe: true,
  ...change,
})
const uses = (...versions: PlanInput[]): Map<string, PriceUse> => {
  const found = new Map<string, PriceUse>()
  for (const id of ['pri_month', 'pri_year', 'pri_credit']) {
    const use = useOf(planId, versions, id)
    if (use) found.set(id, use)
  }
  return found
}
const plans = uses(terms())

/** As of the facts about Paddle, trimmed. */
const subscription = {
  id: 'sub_1',
  status: 'active',
  transaction_id: 'txn_1',
  customer_id: 'ctm_1',
  currency_code: 'USD',
  created_at: '2026-05-01T10:00:01.831Z',
  started_at: '2026-05-01T10:00:00.635628Z',
  canceled_at: null,
  scheduled_change: null,
  current_billing_period: {
    starts_at: '2026-05-01T10:00:00.635628Z',
    ends_at: '2026-06-01T10:00:00.635628Z',
  },
  items: [{ status: 'active', quantity: 3, recurring: true, price: { id: 'pri_month' } }],
  custom_data: { organization_id: 'org_of_somebody_else' },
}
const transaction = {
  id: 'txn_1',
  status: 'completed',
  origin: 'api',
  customer_id: 'ctm_1',
  subscription_id: 'sub_1',
  invoice_number: '325-10566',
  currency_code: 'USD',
  billing_period: subscription.current_billing_period,
  items: [{ price: { id: 'pri_month' }, quantity: 1, proration: null }],
  details: {
    totals: { subtotal: '9000', discount: '0', tax: '799', total: '9799' },
    line_items: [{ price_id: 'pri_month', totals: { subtotal: '9000', discount: '0' } }],
  },
}
const adjustment = {
  id: 'adj_1',
  action: 'refund',
  type: 'partial',
  status: 'pending_approval',
  transaction_id: 'txn_1',
  subscription_id: 'sub_1',
  currency_code: 'USD',
  items: [
    { type: 'partial', amount: '1000', totals: { subtotal: '918', tax: '82', total: '1000' } },
  ],
  totals: { subtotal: '918', tax: '82', total: '1000' },
}

function read<Kind extends string>(kind: Kind, type: string, data: unknown) {
  const notice = readNotice(type, data)
  if (notice.kind !== kind) throw new Error(`it is ${JSON.stringify(notice)}`)
  return notice as Extract<typeof notice, { kind: Kind }>
}
const follow = (data: object, of = plans) =>
  subscriptionMessage(read('subscription', 'subscription.updated', data).data, of, source)
const pay = (data: object, of = plans) =>
  paymentMessage(read('transaction', 'transaction.completed', data).data, of, source)
const giveBack = (data: object) =>
  returnMessage(read('adjustment', 'adjustment.updated', data).data, source)

describe('a subscription', () => {
  const said = {
    subscriptionId: 'sub_1',
    status: 'active',
    planId,
    planVersion: 1,
    graceDays: 3,
    startedAt: '2026-05-01T10:00:00.635Z',
    customerId: 'ctm_1',
    periodStart: '2026-05-01T10:00:00.635Z',
    periodEnd: '2026-06-01T10:00:00.635Z',
    ...source,
  }

  it('says its status, plan and period', () => {
    expect(follow(subscription)).toEqual({ kind: 'message', message: said })
  })

  it('says what is agreed, and when it ended', () => {
    const next = { action: 'cancel', effective_at: '2026-06-01T10:00:00.635628Z' }
    expect(follow({ ...subscription, scheduled_change: next })).toEqual({
      kind: 'message',
      message: { ...said, scheduled: { change: 'cancel', at: '2026-06-01T10:00:00.635Z' } },
    })
    const odd = { ...next, action: 'teleport' }
    expect(follow({ ...subscription, scheduled_change: odd })).toEqual(follow(subscription))
    const { periodStart: _start, periodEnd: _end, ...rest } = said
    const canceled = {
      ...subscription,
      status: 'canceled',
      canceled_at: '2026-06-01T10:00:03.868Z',
      current_billing_period: null,
    }
    expect(follow(canceled)).toEqual({
      kind: 'message',
      message: { ...rest, status: 'canceled', endsAt: '2026-06-01T10:00:03.868Z' },
    })
  })

  it('is the plan of its recurring price, in the newest version that names it', () => {
    const extra = { recurring: false, price: { id: 'pri_year' } }
    const other = { ...terms(), payment: { prices: [], topUpPrices: [], creditPerMinorUnit: {} } }
    const of = uses(terms(), terms({ graceDays: 7 }), other)
    expect(follow({ ...subscription, items: [extra, ...subscription.items] }, of)).toMatchObject({
      message: { planVersion: 2, graceDays: 7 },
    })
  })

  it('waits for a plan that names one of its prices', () => {
    const items = [
      { price: { id: 'pri_x' } },
      { price: { id: 'pri_credit' } },
      { price: { id: 'pri_x' } },
    ]
    expect(follow({ ...subscription, items })).toEqual({
      kind: 'parked',
      reason: 'unknown_price',
      waitsFor: ['price:pri_x', 'price:pri_credit'],
    })
  })
})

describe('whose it is', () => {
  it('is asked of subscription, payment, then customer, and never of custom data', () => {
    expect(readNotice('subscription.created', subscription)).toMatchObject({
      links: ['subscription:sub_1', 'payment:txn_1', 'customer:ctm_1'],
    })
    expect(readNotice('transaction.completed', transaction)).toMatchObject({
      links: ['subscription:sub_1', 'payment:txn_1', 'customer:ctm_1'],
    })
    expect(readNotice('adjustment.created', adjustment)).toMatchObject({
      links: ['payment:txn_1', 'subscription:sub_1'],
    })
  })

  it('is not the customer’s to tell where something has begun before', () => {
    const { transaction_id: _begun, ...later } = subscription
    expect(readNotice('subscription.updated', later)).toMatchObject({
      links: ['subscription:sub_1'],
    })
    const renewal = { ...transaction, origin: 'subscription_recurring' }
    expect(readNotice('transaction.completed', renewal)).toMatchObject({
      links: ['subscription:sub_1', 'payment:txn_1'],
    })
  })
})

describe('a payment', () => {
  const paid = {
    paymentId: 'txn_1',
    purpose: 'period',
    subscriptionId: 'sub_1',
    customerId: 'ctm_1',
    planId,
    planVersion: 1,
    periodStart: '2026-05-01T10:00:00.635Z',
    periodEnd: '2026-06-01T10:00:00.635Z',
    creditNanos: '10000000000',
    currency: 'USD',
    totalMinor: '9799',
    taxMinor: '799',
    invoiceNumber: '325-10566',
    ...source,
  }
  const withItem = (item: object) => ({
    ...transaction,
    items: [{ ...transaction.items[0], ...item }],
  })

  it('of a period stands for its plan’s credit', () => {
    expect(pay(transaction)).toEqual({ kind: 'message', message: paid })
    const year = pay(withItem({ price: { id: 'pri_year' }, quantity: 2 }))
    expect(year).toMatchObject({ message: { creditNanos: '240000000000' } })
    const { includedCredit: _none, ...bare } = terms()
    expect(pay(transaction, uses(bare))).toMatchObject({ message: { creditNanos: '0' } })
  })

  it.each([
    ['0.5', 500_000],
    ['0.516129032258064516', 516_129],
    ['0.0000009', 0],
    ['1', 1_000_000],
    ['1.5', 1_000_000],
    ['0', 0],
  ])('within a period pays for a share of it: %s', (rate, shareMillionths) => {
    expect(pay(withItem({ proration: { rate } }))).toMatchObject({ message: { shareMillionths } })
  })

  const topUp = (subtotal: string, discount = '0', currency = 'USD') => ({
    ...transaction,
    subscription_id: null,
    billing_period: null,
    invoice_number: null,
    currency_code: currency,
    items: [{ price: { id: 'pri_credit' }, quantity: 1 }],
    details: {
      totals: { subtotal, discount, tax: '0', total: '1' },
      line_items: [{ price_id: 'pri_credit', totals: { subtotal, discount } }],
    },
  })

  it.each([
    ['USD', '1000', '0', '10000000000'],
    ['USD', '1000', '250', '7500000000'],
    ['USD', '1', '0', '10000000'],
    ['JPY', '3000', '0', '19629630000'],
    ['USD', '922337203685', '0', '9223372036850000000'],
  ])('of credit in %s is %s less %s at the plan’s rate', (currency, subtotal, discount, nanos) => {
    const { kind, ...rest } = pay(topUp(subtotal, discount, currency))
    expect(kind).toBe('message')
    expect(rest).toMatchObject({ message: { purpose: 'top_up', creditNanos: nanos, currency } })
    expect(rest).not.toHaveProperty('message.periodEnd')
  })

  it('of credit waits for a currency, and is refused beyond what an account holds', () => {
    const waitsFor = ['currency:EUR', 'price:pri_credit']
    expect(pay(topUp('1000', '0', 'EUR'))).toEqual({
      kind: 'parked',
      reason: 'unknown_currency',
      waitsFor,
    })
    const tooMuch = (MAX_NANOS / 10_000_000n + 1n).toString()
    for (const [subtotal, discount] of [
      [tooMuch, '0'],
      ['1', '2'],
    ] as const)
      expect(pay(topUp(subtotal, discount))).toMatchObject({ kind: 'parked', reason: 'refused' })
  })

  const nothing = { subtotal: '0', discount: '0', tax: '0', total: '0' }
  const unpaid = (item: object, change: object = {}) => ({
    ...withItem(item),
    details: { ...transaction.details, totals: nothing },
    ...change,
  })
  const tried = { price: { id: 'pri_month', trial_period: { interval: 'day', frequency: 14 } } }

  it('of nothing is a trial where one begins, and else has no effect', () => {
    expect(pay(unpaid(tried))).toMatchObject({
      message: { purpose: 'trial', creditNanos: '2500000000', totalMinor: '0' },
    })
    const { trial: _none, ...bare } = terms()
    const noEffect = { kind: 'ignored', reason: 'no_effect' }
    expect(pay(unpaid(tried), uses(bare))).toEqual(noEffect)
    expect(pay(unpaid({}))).toEqual(noEffect)
    const origin = 'subscription_payment_method_change'
    expect(pay(unpaid(tried, { origin }))).toEqual(noEffect)
    expect(pay(unpaid({ price: { id: 'pri_credit' } }))).toEqual(noEffect)
  })

  it('that a discount pays for is a payment', () => {
    const totals = { ...nothing, subtotal: '9000', discount: '9000' }
    expect(pay({ ...transaction, details: { ...transaction.details, totals } })).toMatchObject({
      message: { purpose: 'period', creditNanos: '10000000000', totalMinor: '0' },
    })
  })

  it('of a known price and an extra is that of the price; of several kinds it is nobody’s to guess', () => {
    const fee = { price: { id: 'pri_fee' }, quantity: 1 }
    expect(pay({ ...transaction, items: [fee, ...transaction.items] })).toEqual(pay(transaction))
    const credit = { price: { id: 'pri_credit' }, quantity: 1 }
    expect(pay({ ...transaction, items: [credit, ...transaction.items] })).toMatchObject({
      kind: 'parked',
      reason: 'refused',
    })
    expect(pay({ ...transaction, items: [fee] })).toMatchObject({ waitsFor: ['price:pri_fee'] })
  })

  it.each(['draft', 'ready', 'billed', 'paid', 'past_due', 'unheard_of'])(
    'that is %s is still on its way, whatever the event is called',
    (status) => {
      const on = { kind: 'nothing', reason: 'not_completed' }
      expect(readNotice('transaction.completed', { ...transaction, status })).toEqual(on)
      expect(readNotice('transaction.paid', { id: 'txn_1', status })).toEqual(on)
    },
  )

  it('that is completed says so in any of its events', () => {
    for (const type of ['transaction.updated', 'transaction.revised', 'transaction.paid'])
      expect(readNotice(type, transaction).kind).toBe('transaction')
  })
})

describe('money back', () => {
  const back = {
    returnId: 'adj_1',
    paymentId: 'txn_1',
    kind: 'refund',
    status: 'pending',
    currency: 'USD',
    totalMinor: '1000',
    ...source,
  }

  it.each([
    ['refund', { kind: 'refund' }],
    ['credit', { kind: 'credit' }],
    ['chargeback', { kind: 'chargeback' }],
    ['chargeback_warning', { kind: 'chargeback_warning' }],
    ['credit_reverse', { kind: 'credit', undoes: true }],
    ['chargeback_reverse', { kind: 'chargeback', undoes: true }],
    ['chargeback_warning_reverse', { kind: 'chargeback_warning', undoes: true }],
  ])('by %s', (action, said) => {
    expect(giveBack({ ...adjustment, action })).toEqual({
      kind: 'message',
      message: { ...back, ...said },
    })
  })

  it.each([
    ['pending_approval', 'pending'],
    ['approved', 'approved'],
    ['rejected', 'rejected'],
    ['reversed', 'reversed'],
  ])('that is %s', (status, said) => {
    expect(giveBack({ ...adjustment, status })).toMatchObject({ message: { status: said } })
  })

  it('for the unused time of an exchanged plan is counted in the new one', () => {
    const item = { type: 'proration', totals: { total: '400' } }
    const credit = { ...adjustment, action: 'credit', status: 'approved' }
    expect(giveBack({ ...credit, items: [item] })).toEqual({ kind: 'ignored', reason: 'no_effect' })
    const both = [...adjustment.items, item]
    const totals = { total: '1400' }
    expect(giveBack({ ...credit, items: both, totals })).toMatchObject({
      message: { totalMinor: '1000' },
    })
    expect(giveBack({ ...credit, items: null })).toMatchObject({ message: { totalMinor: '1000' } })
  })
})

describe('what cannot be read', () => {
  it.each([
    ['subscription.updated', { ...subscription, status: 'inactive' }],
    ['subscription.updated', { ...subscription, items: [] }],
    ['subscription.updated', { ...subscription, started_at: 'soon' }],
    ['transaction.completed', { ...transaction, currency_code: 'dollars' }],
    ['transaction.completed', { ...transaction, items: [] }],
    ['transaction.completed', { ...transaction, details: undefined }],
    ['transaction.completed', { id: 'txn_1' }],
    ['adjustment.created', { ...adjustment, action: 'gift' }],
    ['adjustment.created', { ...adjustment, status: 'perhaps' }],
    ['adjustment.created', { ...adjustment, totals: { total: '-1' } }],
    ['adjustment.created', undefined],
    ['unreadable', transaction],
  ])('is not guessed: %s %#', (type, data) => {
    expect(readNotice(type, data)).toEqual({ kind: 'unreadable' })
  })

  it.each([
    'product.created',
    'transaction.teleported',
    'transaction.completed.twice',
    'payout.paid',
    '',
  ])('and %s says nothing of money or status', (type) => {
    const nothing = { kind: 'nothing', reason: 'type_not_used' }
    expect(readNotice(type, transaction)).toEqual(nothing)
  })
})
