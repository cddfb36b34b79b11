/** Messages about payments and returns with everything filled in but what a test is about. */
import {
  type Payments,
  type PaymentCommand,
  type PaymentMessage,
  payments,
  type ReturnMessage,
} from '../../src/domain/payment/payments.ts'
import type { PaymentEvent } from '../../src/domain/payment/events.ts'
import { Refusal } from '../../src/domain/refusal.ts'
import { idOf } from './account-commands.ts'

/** So many seconds into a day, as a provider writes it. */
export const second = (n: number): string =>
  `2027-03-01T${String(Math.floor(n / 3600)).padStart(2, '0')}:${String(Math.floor(n / 60) % 60).padStart(2, '0')}:${String(n % 60).padStart(2, '0')}.000000000Z`

export const NOW = '2027-03-02T00:00:00.000Z'
export const PERIOD_END = '2027-04-01T00:00:00.000Z'

export const paid = (n: number, more: Partial<PaymentMessage> = {}): PaymentMessage => ({
  paymentId: `txn_${n}`,
  purpose: 'period',
  subscriptionId: 'sub_1',
  customerId: 'ctm_1',
  planId: idOf('plan', 1),
  planVersion: 1,
  periodStart: '2027-03-01T00:00:00.000Z',
  periodEnd: PERIOD_END,
  creditNanos: '20000000000',
  currency: 'USD',
  totalMinor: '2400',
  taxMinor: '400',
  occurredAt: second(n),
  eventId: `evt_${n}`,
  ...more,
})

export const topUp = (n: number, more: Partial<PaymentMessage> = {}): PaymentMessage => {
  const { periodStart: _start, periodEnd: _end, subscriptionId: _id, ...rest } = paid(n)
  return { ...rest, purpose: 'top_up', ...more }
}

export const returned = (
  n: number,
  paymentId: string,
  more: Partial<ReturnMessage> = {},
): ReturnMessage => ({
  returnId: `adj_${n}`,
  paymentId,
  kind: 'refund',
  status: 'approved',
  currency: 'USD',
  totalMinor: '600',
  occurredAt: second(n),
  eventId: `evt_${n}`,
  ...more,
})

export const receive = (message: PaymentMessage): PaymentCommand => ({
  type: 'ReceivePayment',
  ...message,
  at: NOW,
})
export const giveBack = (message: ReturnMessage): PaymentCommand => ({
  type: 'RecordReturn',
  ...message,
  at: NOW,
})

/**
 * What is left of these commands, in this order. A return that comes before its payment is refused and
 * asked again at the end, as a message waits for what it is about.
 */
export function told(commands: readonly PaymentCommand[]): {
  state: Payments
  events: readonly PaymentEvent[]
} {
  let state = payments.initial()
  const events: PaymentEvent[] = []
  const tell = (command: PaymentCommand): boolean => {
    try {
      for (const event of payments.decide(command, state)) {
        events.push(event)
        state = payments.evolve(state, event)
      }
      return true
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'payment_not_found') throw error
      return false
    }
  }
  const waiting = commands.filter((command) => !tell(command))
  for (const command of waiting) tell(command)
  return { state, events }
}
