// A customer of the payment provider gets credit to try with once, in whatever organizations they try and however often it is told.
import { expect, test } from 'vitest'
import { recordPayment } from '../../../src/commands/payment/record-payment.ts'
import { account } from '../../../src/domain/account/account.ts'
import { balanceOf } from '../../../src/domain/account/state.ts'
import type { PaymentMessage } from '../../../src/domain/payment/payments.ts'
import { payments } from '../../../src/domain/payment/payments.ts'
import { idOf } from '../../support/account-commands.ts'
import { createMemory, rootOf } from '../../support/memory-streams.ts'
import { paid } from '../../support/payment-messages.ts'

const AT = '2027-03-02T00:00:00.000Z'
const CREDIT = 5_000_000_000n
const [one, other] = [idOf('organization', 1), idOf('organization', 2)]

const tries = (n: number, customerId = 'ctm_1'): PaymentMessage =>
  paid(n, {
    purpose: 'trial',
    customerId,
    subscriptionId: `sub_${n}`,
    creditNanos: CREDIT.toString(),
    totalMinor: '0',
    taxMinor: '0',
  })

function start() {
  const { deps } = createMemory()
  const tell = (orgId: string, message: PaymentMessage) =>
    recordPayment(deps, rootOf(`${orgId} ${message.eventId}`, AT), orgId, message)
  const has = async (orgId: string) => {
    const { state } = await deps.streams.load(account, orgId)
    return state ? balanceOf(state) : 0n
  }
  const written = async (orgId: string, paymentId: string) =>
    (await deps.streams.load(payments, orgId)).state.payments.get(paymentId)
  return { tell, has, written }
}

test('the second organization tries without credit, and its payment says why', async () => {
  const { tell, has, written } = start()
  // Whichever comes first has it, also where the other was earlier at the provider.
  await tell(one, tries(9))
  await tell(other, tries(2))
  expect([await has(one), await has(other)]).toEqual([CREDIT, 0n])
  expect(await written(other, 'txn_2')).toMatchObject({ trialUsed: true, creditNanos: '0' })
  expect(await written(one, 'txn_9')).not.toHaveProperty('trialUsed')
})

test('told again, later or by another message, each stays as it is', async () => {
  const { tell, has } = start()
  await tell(one, tries(1))
  await tell(other, tries(2))
  for (const again of [3, 4]) {
    await tell(one, { ...tries(1), eventId: `evt_${again}`, occurredAt: paid(again).occurredAt })
    await tell(other, { ...tries(2), eventId: `evt_${again}b`, occurredAt: paid(again).occurredAt })
    await tell(one, tries(1))
  }
  expect([await has(one), await has(other)]).toEqual([CREDIT, 0n])
})

test('at once, one of them has it', async () => {
  const { tell, has } = start()
  await Promise.all([one, other, one, other].map((orgId, nth) => tell(orgId, tries(nth + 1))))
  expect((await has(one)) + (await has(other))).toBe(CREDIT)
})

test('another customer tries for themselves, and what is paid for is never a trial', async () => {
  const { tell, has } = start()
  await tell(one, tries(1))
  await tell(other, tries(2, 'ctm_2'))
  expect(await has(other)).toBe(CREDIT)
  await tell(other, paid(3))
  expect(await has(other)).toBe(CREDIT + BigInt(paid(3).creditNanos))
})
