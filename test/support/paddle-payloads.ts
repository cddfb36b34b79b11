/** A plan that is paid at Paddle, what Paddle says of it (as in the facts about it, trimmed), and how it is read. */
import { readNotice } from '../../src/domain/paddle-event/payload.ts'
import {
  paymentMessage,
  type PriceUse,
  returnMessage,
  subscriptionMessage,
  useOf,
} from '../../src/domain/paddle-event/translate.ts'
import type { PlanInput } from '../../src/domain/plan/events.ts'

export const planId = 'pln_7atetaqhqwbnn90j3rbxa5qm89'
export const source = { eventId: 'evt_1', occurredAt: '2026-05-01T10:00:03.000000000Z' }

export const terms = (change: Partial<PlanInput> = {}): PlanInput => ({
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
export const uses = (...versions: PlanInput[]): Map<string, PriceUse> => {
  const found = new Map<string, PriceUse>()
  for (const id of ['pri_month', 'pri_year', 'pri_credit']) {
    const use = useOf(planId, versions, id)
    if (use) found.set(id, use)
  }
  return found
}
export const plans = uses(terms())

/** As of the facts about Paddle, trimmed. */
export const subscription = {
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
export const transaction = {
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
export const adjustment = {
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

export function read<Kind extends string>(kind: Kind, type: string, data: unknown) {
  const notice = readNotice(type, data)
  if (notice.kind !== kind) throw new Error(`it is ${JSON.stringify(notice)}`)
  return notice as Extract<typeof notice, { kind: Kind }>
}
export const follow = (data: object, of = plans) =>
  subscriptionMessage(read('subscription', 'subscription.updated', data).data, of, source)
export const pay = (data: object, of = plans) =>
  paymentMessage(read('transaction', 'transaction.completed', data).data, of, source)
export const giveBack = (data: object) =>
  returnMessage(read('adjustment', 'adjustment.updated', data).data, source)
