/** Flows of what Paddle tells, with every `|` in them. It gets its 200 before anything is applied. */
import { sign } from '../../src/adapters/paddle/signature.ts'
import { DONE_PAYMENT, OPEN_PAYMENT, PRICE_ID } from '../support/crash-payments.ts'
import { before, type Effects, type Flow, type FlowPoint, sweptAfter } from './flow.ts'

const SECRET = 'pdl_ntfset_01hv000000000000000000kill_AbCdEfGhIjKlMnOpQrStUvWx'
const environment = {
  BILLING: 'paddle',
  PADDLE_API_KEY: 'pdl_sdbx_apikey_kill',
  // Nobody listens: what Paddle tells is applied without asking it anything.
  PADDLE_API_URL: 'http://127.0.0.1:9',
  PADDLE_WEBHOOK_SECRET: SECRET,
  // The repeat comes after a restart.
  PADDLE_WEBHOOK_SECONDS: '600',
}

interface Told {
  readonly name: string
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
  /** What comes of it, in this order. */
  readonly writes: readonly string[]
  /** What became of it; applied where left out. */
  readonly ends?: string
  /** What follows for others, in no order. */
  readonly more?: Effects
  readonly points: readonly FlowPoint[]
}

const period = { starts_at: '2030-05-01T10:00:00.635628Z', ends_at: '2030-06-01T10:00:00.635628Z' }

const payment: Told = {
  name: 'a payment, told by Paddle',
  event: 'transaction.completed',
  data: {
    id: OPEN_PAYMENT,
    status: 'completed',
    origin: 'api',
    customer_id: 'ctm_kill',
    subscription_id: 'sub_kill',
    currency_code: 'USD',
    invoice_number: '325-10566',
    billing_period: period,
    items: [{ price: { id: PRICE_ID }, quantity: 1 }],
    details: {
      totals: { subtotal: '2000', discount: '0', tax: '400', total: '2400' },
      line_items: [{ price_id: PRICE_ID, totals: { subtotal: '2000', discount: '0' } }],
    },
  },
  writes: ['PaymentReceived', 'CreditGranted'],
  points: [
    before('PaddleEventReceived'),
    ...['PaddleEventReceived', 'PaymentReceived', 'CreditGranted', 'PaddleEventApplied'].map(
      sweptAfter,
    ),
    { at: 'answer', swept: true },
  ],
}
const others: readonly Told[] = [
  {
    name: 'a subscription, told by Paddle',
    event: 'subscription.created',
    data: {
      id: 'sub_kill',
      status: 'active',
      transaction_id: OPEN_PAYMENT,
      customer_id: 'ctm_kill',
      started_at: period.starts_at,
      current_billing_period: period,
      scheduled_change: null,
      items: [{ recurring: true, price: { id: PRICE_ID } }],
    },
    writes: ['SubscriptionStarted'],
    points: [sweptAfter('SubscriptionStarted')],
  },
  {
    name: 'returned money, told by Paddle',
    event: 'adjustment.updated',
    data: {
      id: 'adj_kill',
      action: 'refund',
      status: 'approved',
      transaction_id: DONE_PAYMENT,
      customer_id: 'ctm_kill',
      currency_code: 'USD',
      items: [{ type: 'partial', totals: { total: '500' } }],
      totals: { total: '500' },
    },
    writes: ['PaymentReturned', 'CreditRevoked'],
    more: { MailRequested: 1, MailSent: 1 },
    points: [sweptAfter('PaymentReturned'), sweptAfter('CreditRevoked')],
  },
  {
    name: 'money back too early, told by Paddle',
    event: 'adjustment.created',
    data: {
      id: 'adj_kill',
      action: 'chargeback',
      status: 'approved',
      transaction_id: OPEN_PAYMENT,
      currency_code: 'USD',
      totals: { total: '500' },
    },
    writes: [],
    ends: 'PaddleEventParked',
    points: [sweptAfter('PaddleEventReceived'), sweptAfter('PaddleEventParked')],
  },
]

const flowOf = ({
  name,
  event,
  data,
  writes,
  ends = 'PaddleEventApplied',
  more = {},
  points,
}: Told): Flow => {
  const notification = {
    event_id: `evt_kill_${event.replace('.', '_')}`,
    event_type: event,
    occurred_at: '2030-05-01T10:00:01.738971238Z',
    notification_id: 'ntf_kill',
    data,
  }
  const inOrder = ['PaddleEventReceived', ...writes, ends]
  return {
    name,
    asks: () => ({
      line: 'POST /webhooks/paddle',
      body: notification,
      headers: {
        'paddle-signature': sign(Buffer.from(JSON.stringify(notification)), [SECRET], new Date()),
      },
    }),
    status: 200,
    effects: { ...Object.fromEntries(inOrder.map((type) => [type, 1])), ...more },
    environment,
    points,
  }
}

export const paying = flowOf(payment)
export const paddleFlows: readonly Flow[] = [paying, ...others.map(flowOf)]
