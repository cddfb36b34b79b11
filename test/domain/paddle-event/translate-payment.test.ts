// What is paid at Paddle becomes credit to the last unit, from whole minor units and exact shares, never from a float.
import { describe, expect, it } from 'vitest'
import { MAX_NANOS } from '../../../src/domain/money.ts'
import { readNotice } from '../../../src/domain/paddle-event/payload.ts'
import { pay, planId, source, terms, transaction, uses } from '../../support/paddle-payloads.ts'

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
    // Paddle may say no period: the plan's days then bound it.
    expect(pay(unpaid(tried, { billing_period: null }))).toMatchObject({
      message: { purpose: 'trial', periodEnd: expect.stringMatching(/T.*Z$/) },
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
