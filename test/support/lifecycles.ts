/**
 * What a payment provider tells of whole lives of a subscription, as messages in the provider's order:
 * the orders in which they reach us are the tests' to choose.
 */
import type { PaymentMessage, ReturnMessage } from '../../src/domain/payment/payments.ts'
import type { SubscriptionMessage } from '../../src/domain/subscription/subscription.ts'
import { idOf } from './account-commands.ts'

export type Told =
  | { readonly kind: 'subscription'; readonly message: SubscriptionMessage }
  | { readonly kind: 'payment'; readonly message: PaymentMessage }
  | { readonly kind: 'return'; readonly message: ReturnMessage }

export const [small, large] = [idOf('plan', 1), idOf('plan', 2)]
const credits: Readonly<Record<string, string>> = { [small]: '20000000000', [large]: '50000000000' }
const totals: Readonly<Record<string, string>> = { [small]: '2400', [large]: '6000' }

/** A day of 2027, as ours and as the provider's. */
export const day = (month: number, date: number): string =>
  new Date(Date.UTC(2027, month - 1, date, 12)).toISOString()
const monthFrom = (month: number) => ({ periodStart: day(month, 1), periodEnd: day(month + 1, 1) })

/** Messages one after the other, each a second after the one before on its day. */
class Teller {
  readonly told: Told[] = []
  #n = 0
  readonly #id: string
  #begun = day(1, 1)

  constructor(id = 'a') {
    this.#id = id
  }

  #source(at: string) {
    const n = this.#n++
    const second = new Date(Date.parse(at) + n * 1_000).toISOString().replace('Z', '000000Z')
    return { occurredAt: second, eventId: `evt_${this.#id}_${String(n).padStart(3, '0')}` }
  }

  begin(at: string): this {
    this.#begun = at
    return this
  }

  says(
    at: string,
    status: SubscriptionMessage['status'],
    more: Partial<SubscriptionMessage> = {},
  ): this {
    const message = {
      subscriptionId: `sub_${this.#id}`,
      status,
      planId: small,
      planVersion: 1,
      graceDays: 7,
      startedAt: this.#begun,
      customerId: 'ctm_1',
      ...more,
      ...this.#source(at),
    }
    this.told.push({ kind: 'subscription', message })
    return this
  }

  pays(n: number, at: string, more: Partial<PaymentMessage> = {}): this {
    const { planId = small } = more
    const message = {
      paymentId: `txn_${this.#id}_${n}`,
      purpose: 'period',
      subscriptionId: `sub_${this.#id}`,
      customerId: 'ctm_1',
      planId,
      planVersion: 1,
      creditNanos: credits[planId] ?? '0',
      currency: 'USD',
      totalMinor: totals[planId] ?? '0',
      taxMinor: '400',
      ...more,
      ...this.#source(at),
    } as const
    this.told.push({ kind: 'payment', message })
    return this
  }

  returns(n: number, of: number, at: string, more: Partial<ReturnMessage> = {}): this {
    const message = {
      returnId: `adj_${this.#id}_${n}`,
      paymentId: `txn_${this.#id}_${of}`,
      kind: 'refund',
      status: 'approved',
      currency: 'USD',
      totalMinor: '2400',
      ...more,
      ...this.#source(at),
    } as const
    this.told.push({ kind: 'return', message })
    return this
  }
}

const [march, april, may] = [monthFrom(3), monthFrom(4), monthFrom(5)]
const trialTime = { periodStart: day(2, 15), periodEnd: day(3, 1) }
const year = {
  periodStart: day(3, 16),
  periodEnd: new Date(Date.UTC(2028, 2, 16, 12)).toISOString(),
}
const bought = (id = 'a') =>
  new Teller(id).begin(day(3, 1)).says(day(3, 1), 'active', march).pays(1, day(3, 1), march)

export const lifecycles: Readonly<Record<string, readonly Told[]>> = {
  'sign-up with trial': new Teller()
    .begin(day(2, 15))
    .says(day(2, 15), 'trialing', trialTime)
    .pays(1, day(2, 15), {
      purpose: 'trial',
      creditNanos: '5000000000',
      totalMinor: '0',
      ...trialTime,
    })
    .says(day(3, 1), 'active', march)
    .pays(2, day(3, 1), march).told,
  'upgrade with proration': bought()
    .says(day(3, 16), 'active', { planId: large, ...march })
    .returns(1, 1, day(3, 16), { kind: 'credit', totalMinor: '0', exchangedMinor: '1239' })
    .pays(2, day(3, 16), { planId: large, shareMillionths: 516_129, totalMinor: '3097', ...march })
    .returns(2, 2, day(3, 20), { totalMinor: '929' })
    .pays(3, day(4, 1), { planId: large, ...april }).told,
  'from a month to a year': bought()
    .says(day(3, 16), 'active', year)
    .returns(1, 1, day(3, 16), { kind: 'credit', totalMinor: '0', exchangedMinor: '1239' })
    .pays(2, day(3, 16), { creditNanos: '240000000000', totalMinor: '28800', ...year }).told,
  'past due and recovery': bought()
    .says(day(4, 1), 'past_due', april)
    .says(day(4, 3), 'past_due', april)
    .says(day(4, 5), 'active', april)
    .pays(2, day(4, 5), april).told,
  'pause and resume': bought()
    .says(day(3, 10), 'active', { scheduled: { change: 'pause', at: day(4, 1) }, ...march })
    .says(day(4, 1), 'paused')
    .says(day(5, 1), 'active', may)
    .pays(2, day(5, 1), may).told,
  'refund in part': bought()
    .returns(1, 1, day(3, 5), { status: 'pending', totalMinor: '600' })
    .returns(1, 1, day(3, 6), { totalMinor: '600' })
    .returns(2, 1, day(3, 7), { totalMinor: '100', status: 'rejected' }).told,
  'chargeback and reversal': bought()
    .returns(1, 1, day(3, 5), { kind: 'chargeback_warning' })
    .returns(1, 1, day(3, 6), { kind: 'chargeback_warning', status: 'reversed' })
    .returns(2, 1, day(3, 6), { kind: 'chargeback' })
    .returns(2, 1, day(3, 9), { kind: 'chargeback', status: 'reversed' })
    .returns(3, 1, day(3, 9), { kind: 'chargeback', undoes: true }).told,
  'a refund of all, and paid again': bought()
    .returns(1, 1, day(3, 5))
    .pays(2, day(3, 6), march)
    .returns(2, 2, day(3, 7), { totalMinor: '400', taxMinor: '400' }).told,
  'cancel at period end': bought()
    .says(day(3, 10), 'active', { scheduled: { change: 'cancel', at: day(4, 1) }, ...march })
    .says(day(4, 1), 'canceled', { endsAt: day(4, 1) }).told,
  'cancel at once, with the money back': bought()
    .says(day(3, 10), 'canceled', { endsAt: day(3, 10) })
    .returns(1, 1, day(3, 10)).told,
  'coming back with a new subscription': [
    ...bought().says(day(3, 10), 'canceled', { endsAt: day(3, 10) }).told,
    ...new Teller('b')
      .begin(day(4, 1))
      .says(day(4, 1), 'active', { planId: large, ...april })
      .pays(1, day(4, 1), { planId: large, ...april })
      .pays(2, day(4, 2), {
        purpose: 'top_up',
        creditNanos: '10000000000',
        totalMinor: '1000',
      }).told,
  ],
}
