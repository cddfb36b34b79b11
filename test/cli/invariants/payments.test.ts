// W1 and W2 are promises that their checker can see broken: a message taken twice, credit that no payment gives.
import { describe, expect, test } from 'vitest'
import { second as providerSecond, paid, returned } from '../../support/payment-messages.ts'
import { ACCOUNT, checked, found, idOf, opened, ORG, second, type Written } from '../log.ts'

const received = (n: number, more: Parameters<typeof paid>[1] = {}): Written => ({
  stream: `payment-${ORG}`,
  type: 'PaymentReceived',
  data: { ...paid(n, more), at: second(0) },
})
const back = (n: number, of: number, more: Parameters<typeof returned>[2] = {}): Written => ({
  stream: `payment-${ORG}`,
  type: 'PaymentReturned',
  data: { ...returned(n, `txn_${of}`, more), at: second(0) },
})
const posted = (n: number, of: number, amountNanos: string): Written => ({
  stream: ACCOUNT,
  type: 'CreditGranted',
  data: {
    grantId: `g${n}`,
    lotId: idOf('lot', n),
    kind: 'included',
    amountNanos,
    reason: 'payment',
    source: 'provider',
    sourceId: `txn_${of}`,
    at: second(0),
  },
})
const revoked = (n: number, of: number, amountNanos: string): Written => ({
  stream: ACCOUNT,
  type: 'CreditRevoked',
  data: {
    revocationId: `r${n}`,
    lotId: idOf('lot', n),
    amountNanos,
    takenNanos: amountNanos,
    debtNanos: '0',
    expiredBeforeNanos: '0',
    reason: 'payment',
    source: 'provider',
    sourceId: `txn_${of}`,
    at: second(0),
  },
})
const report = (...written: readonly Written[]) => found(checked(written, { quiet: true }))
const whole = '20000000000'
const half = '10000000000'

test('credit that is what the payments give breaks nothing', () => {
  const larger = { creditNanos: '50000000000', shareMillionths: 500_000 }
  expect(
    report(
      opened,
      received(2, larger),
      received(1),
      posted(1, 1, whole),
      posted(2, 2, '15000000000'),
      back(3, 1, { totalMinor: '1200' }),
      revoked(1, 1, half),
    ),
  ).toEqual([])
})

describe('W2', () => {
  test('a payment whose credit was never posted, as soon as it should have been', () => {
    expect(report(opened, received(1))).toEqual(['W2 2'])
    const written = [opened, received(1)]
    const at = (seconds: number) => found(checked(written, { now: new Date(second(seconds)) }))
    expect([at(30), at(61)]).toEqual([[], ['W2 2']])
  })
  test('credit twice, too little, or of no payment', () => {
    const sound = [opened, received(1), posted(1, 1, whole)]
    expect(report(...sound, posted(2, 1, whole))).toEqual(['W2 2'])
    expect(report(...sound, revoked(1, 1, half))).toEqual(['W2 2'])
    expect(report(...sound, posted(2, 2, whole))).toEqual(['W2 2'])
  })
  test('money that went back and left its credit', () => {
    const sound = [opened, received(1), posted(1, 1, whole)]
    expect(report(...sound, back(2, 1))).toEqual(['W2 4'])
    const undone = back(3, 1, { undoes: true })
    expect(report(...sound, back(2, 1), undone)).toEqual([])
    expect(report(...sound, back(2, 1, { status: 'reversed' }), undone)).toEqual([])
  })
})

describe('W1', () => {
  test('a message that was taken twice', () => {
    expect(report(opened, received(1), received(1), posted(1, 1, whole))).toEqual(['W1 3'])
    const later = { occurredAt: providerSecond(9), eventId: 'evt_9' }
    expect(report(opened, received(1), received(1, later), posted(1, 1, whole))).toEqual([])
    const told = (type: string, more: object): Written => ({
      stream: `subscription-${ORG}`,
      type,
      data: { subscriptionId: 'sub_1', ...later, ...more, at: second(0) },
    })
    const end = told('SubscriptionCanceled', { endsAt: second(0) })
    expect(report(told('SubscriptionStarted', {}), end)).toEqual([])
    expect(report(told('SubscriptionStarted', {}), end, end)).toEqual(['W1 3'])
  })
})
