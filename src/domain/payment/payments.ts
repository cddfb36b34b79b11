/**
 * What an organization has paid and got back, and which checkouts were opened for it. What is kept of a
 * payment or a return is a function of the set of messages about it: its place in time is the earliest
 * message's, what it says the latest's, whatever order they came in.
 */
import { PersistentMap } from '../account/persistent-map.ts'
import type { Decider } from '../decider.ts'
import { Refusal } from '../refusal.ts'
import type { PaymentData, PaymentEvent } from './events.ts'

/** What a message says about a payment. */
export type PaymentMessage = Readonly<Omit<PaymentData<'PaymentReceived'>, 'at'>>
/** What a message says about a return: each says the whole of it. */
export type ReturnMessage = Readonly<Omit<PaymentData<'PaymentReturned'>, 'at'>>
export type CheckoutWish = Readonly<Omit<PaymentData<'CheckoutRequested'>, 'at'>>

type Source = Pick<PaymentMessage, 'occurredAt' | 'eventId'>

export interface Payment extends PaymentMessage {
  /** The earliest message about it: where it stands among the payments of its period. */
  readonly first: Source
}

export interface Checkout extends CheckoutWish {
  readonly requestedAt: string
  /** Where and as what it can be paid; undefined: the provider has not answered, or not yet. */
  readonly opened: { readonly paymentId: string; readonly url: string } | undefined
}

export interface Payments {
  /** Opened by whoever likes and kept for ever: what is folded must not be copied for each. */
  readonly checkouts: PersistentMap<Checkout>
  readonly payments: ReadonlyMap<string, Payment>
  readonly returns: ReadonlyMap<string, ReturnMessage>
}

export const noPayments: Payments = {
  checkouts: PersistentMap.empty(),
  payments: new Map(),
  returns: new Map(),
}

export type PaymentCommand =
  | ({ readonly type: 'RequestCheckout'; readonly at: string } & CheckoutWish)
  | ({ readonly type: 'OpenCheckout' } & Readonly<PaymentData<'CheckoutOpened'>>)
  | ({ readonly type: 'ReceivePayment'; readonly at: string } & PaymentMessage)
  | ({ readonly type: 'RecordReturn'; readonly at: string } & ReturnMessage)

export const compareSource = (a: Source, b: Source): number =>
  compare(a.occurredAt, b.occurredAt) || compare(a.eventId, b.eventId)
const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

/** The checkout that was opened as this payment. */
export const checkoutOf = (state: Payments, paymentId: string): Checkout | undefined =>
  Array.from(state.checkouts, ([, one]) => one).find(
    ({ opened }) => opened?.paymentId === paymentId,
  )

/** What came between two known messages says nothing that counts. */
function isNews(known: Payment | undefined, message: Source): boolean {
  return !known || compareSource(message, known) > 0 || compareSource(message, known.first) < 0
}

function decide(command: PaymentCommand, state: Payments): readonly PaymentEvent[] {
  switch (command.type) {
    case 'RequestCheckout': {
      const { type: _type, ...data } = command
      return state.checkouts.has(data.checkoutId) ? [] : [{ type: 'CheckoutRequested', data }]
    }
    case 'OpenCheckout': {
      const { type: _type, ...data } = command
      const checkout = state.checkouts.get(data.checkoutId)
      if (!checkout) throw new Error(`checkout ${data.checkoutId} was never requested`)
      return checkout.opened ? [] : [{ type: 'CheckoutOpened', data }]
    }
    case 'ReceivePayment': {
      const { type: _type, ...data } = command
      const news = isNews(state.payments.get(data.paymentId), data)
      return news ? [{ type: 'PaymentReceived', data }] : []
    }
    case 'RecordReturn': {
      const { type: _type, ...data } = command
      const paid = state.payments.get(data.paymentId)
      // Money goes back in the currency that it came in: another one is of no payment we know.
      if (paid?.currency !== data.currency)
        throw new Refusal('payment_not_found', { paymentId: data.paymentId })
      const known = state.returns.get(data.returnId)
      const news = !known || compareSource(data, known) > 0
      return news ? [{ type: 'PaymentReturned', data }] : []
    }
  }
}

function evolve(state: Payments, { type, data }: PaymentEvent): Payments {
  switch (type) {
    case 'CheckoutRequested': {
      const { at: requestedAt, ...wish } = data
      const checkout = { ...wish, requestedAt, opened: undefined }
      return { ...state, checkouts: state.checkouts.set(data.checkoutId, checkout) }
    }
    case 'CheckoutOpened': {
      const { checkoutId, paymentId, url } = data
      const checkout = state.checkouts.get(checkoutId)
      if (!checkout) return state
      const opened = { ...checkout, opened: { paymentId, url } }
      return { ...state, checkouts: state.checkouts.set(checkoutId, opened) }
    }
    case 'PaymentReceived': {
      const { at: _at, ...message } = data
      const payments = new Map(state.payments)
      payments.set(data.paymentId, withMessage(state.payments.get(data.paymentId), message))
      return { ...state, payments }
    }
    case 'PaymentReturned': {
      const { at: _at, ...message } = data
      return { ...state, returns: new Map(state.returns).set(data.returnId, message) }
    }
  }
}

function withMessage(known: Payment | undefined, message: PaymentMessage): Payment {
  const { occurredAt, eventId } = message
  if (!known) return { ...message, first: { occurredAt, eventId } }
  const first = compareSource(message, known.first) < 0 ? { occurredAt, eventId } : known.first
  return compareSource(message, known) > 0 ? { ...message, first } : { ...known, first }
}

export const payments: Decider<Payments, PaymentCommand, PaymentEvent> = {
  category: 'payment',
  initial: () => noPayments,
  decide,
  evolve,
}
