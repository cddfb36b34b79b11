// What Paddle says becomes what we say, to the last unit: by state, never by a float, and what is not known is never guessed.
import { describe, expect, it } from 'vitest'
import { readNotice } from '../../../src/domain/paddle-event/payload.ts'
import {
  adjustment,
  follow,
  giveBack,
  planId,
  source,
  subscription,
  terms,
  transaction,
  uses,
} from '../../support/paddle-payloads.ts'

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

describe('money back', () => {
  const back = {
    returnId: 'adj_1',
    paymentId: 'txn_1',
    kind: 'refund',
    status: 'pending',
    currency: 'USD',
    totalMinor: '1000',
    taxMinor: '82',
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

  it('for the unused time of an exchanged plan is told apart', () => {
    const item = { type: 'proration', totals: { total: '400', tax: '33' } }
    const credit = { ...adjustment, action: 'credit', status: 'approved' }
    const alone = { ...credit, items: [item], totals: { total: '400', tax: '33' } }
    expect(giveBack(alone)).toMatchObject({
      message: { totalMinor: '0', taxMinor: '0', exchangedMinor: '400' },
    })
    const both = { items: [...adjustment.items, item], totals: { total: '1400', tax: '115' } }
    expect(giveBack({ ...credit, ...both })).toMatchObject({
      message: { totalMinor: '1000', taxMinor: '82', exchangedMinor: '400' },
    })
    expect(giveBack({ ...credit, items: null })).toMatchObject({ message: { totalMinor: '1000' } })
  })

  it('whose tax is not told says none', () => {
    const item = { type: 'proration', totals: { total: '400' } }
    const half = giveBack({ ...adjustment, items: [item], totals: { total: '1400', tax: '115' } })
    expect(half).toMatchObject({ message: { totalMinor: '1000', exchangedMinor: '400' } })
    expect(half).not.toHaveProperty('message.taxMinor')
    const none = giveBack({ ...adjustment, totals: { total: '1000' } })
    expect(none).not.toHaveProperty('message.taxMinor')
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
