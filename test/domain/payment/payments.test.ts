// A payment, a return and a checkout are each known once; of two messages the later at its source counts.
import { describe, expect, it } from 'vitest'
import { type PaymentEvent, paymentEvents } from '../../../src/domain/payment/events.ts'
import { checkoutOf, type PaymentCommand, payments } from '../../../src/domain/payment/payments.ts'
import { idOf } from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'
import { giveBack, NOW, paid, receive, returned, second } from '../../support/payment-messages.ts'

function after(...commands: readonly PaymentCommand[]): PaymentEvent[] {
  const events: PaymentEvent[] = []
  for (const command of commands) events.push(...given(payments, events).when(command).events())
  for (const { type, data } of events) paymentEvents[type].schema.parse(data)
  return events
}

describe('a checkout', () => {
  const wish = {
    type: 'RequestCheckout',
    checkoutId: idOf('checkout', 1),
    purpose: 'plan',
    planId: idOf('plan', 1),
    planVersion: 1,
    priceId: 'pri_1',
    quantity: 1,
    at: NOW,
  } as const
  const open = {
    type: 'OpenCheckout',
    checkoutId: wish.checkoutId,
    paymentId: 'txn_1',
    url: 'https://example.com/pay',
    at: NOW,
  } as const

  it('is requested, then opened, each once', () => {
    const events = after(wish, open)
    expect(events.map(({ type }) => type)).toEqual(['CheckoutRequested', 'CheckoutOpened'])
    given(payments, events)
      .when({ ...open, paymentId: 'txn_2' })
      .thenNothing()
    const state = stateOf(payments, events)
    expect(checkoutOf(state, 'txn_1')?.checkoutId).toBe(wish.checkoutId)
    expect(checkoutOf(state, 'txn_2')).toBe(undefined)
  })

  // Copying all of them for each took a minute here, and nothing else ran meanwhile.
  it('costs as much where there were twenty thousand before', () => {
    const events = Array.from({ length: 20_000 }, (_, n): PaymentEvent[] => {
      const { type: _wish, ...requested } = { ...wish, checkoutId: idOf('checkout', n) }
      const { type: _open, ...opened } = { ...open, checkoutId: requested.checkoutId }
      return [
        { type: 'CheckoutRequested', data: requested },
        { type: 'CheckoutOpened', data: { ...opened, paymentId: `txn_${n}` } },
      ]
    }).flat()
    const state = events.reduce(payments.evolve, payments.initial())
    expect(checkoutOf(state, 'txn_19999')?.checkoutId).toBe(idOf('checkout', 19_999))
  })

  it('is not opened where nobody requested it', () => {
    expect(() => payments.decide(open, payments.initial())).toThrow('never requested')
  })
})

describe('a payment', () => {
  it('is received once', () => {
    given(payments, after(receive(paid(1))))
      .when(receive(paid(1)))
      .thenNothing()
  })

  it('says what its latest message says, and stands where its earliest does', () => {
    const early = paid(1, { occurredAt: second(1), eventId: 'evt_1', totalMinor: '1' })
    const late = paid(1, { occurredAt: second(3), eventId: 'evt_3', totalMinor: '3' })
    const between = paid(1, { occurredAt: second(2), eventId: 'evt_2', totalMinor: '2' })
    for (const order of [
      [early, late],
      [late, early],
    ]) {
      const events = after(...order.map(receive))
      expect(stateOf(payments, events).payments.get('txn_1')).toMatchObject({
        totalMinor: '3',
        eventId: 'evt_3',
        first: { eventId: 'evt_1' },
      })
      given(payments, events).when(receive(between)).thenNothing()
    }
  })
})

describe('a return', () => {
  it('waits for its payment, and is of its currency', () => {
    given(payments, [])
      .when(giveBack(returned(2, 'txn_1')))
      .thenRefused('payment_not_found')
    given(payments, after(receive(paid(1))))
      .when(giveBack(returned(2, 'txn_1', { currency: 'EUR' })))
      .thenRefused('payment_not_found')
  })

  it('is what its latest message says, whatever came first', () => {
    const pending = returned(2, 'txn_1', { status: 'pending' })
    const approved = returned(2, 'txn_1', { occurredAt: second(3), eventId: 'evt_3' })
    const events = after(receive(paid(1)), giveBack(approved))
    given(payments, events).when(giveBack(pending)).thenNothing()
    const other = after(receive(paid(1)), giveBack(pending), giveBack(approved))
    for (const one of [events, other])
      expect(stateOf(payments, one).returns.get('adj_2')?.status).toBe('approved')
  })
})
