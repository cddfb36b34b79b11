// Messages about one organization that are taken at the same time, by one process or by several that know
// different pasts of it, leave the credit of all of them.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkInvariants } from '../../../src/cli/invariants/index.ts'
import type { Deps } from '../../../src/commands/deps.ts'
import { recordPayment } from '../../../src/commands/payment/record-payment.ts'
import { recordReturn } from '../../../src/commands/payment/record-return.ts'
import { followSubscription } from '../../../src/commands/subscription/follow-subscription.ts'
import { account } from '../../../src/domain/account/account.ts'
import { postedOf } from '../../../src/domain/account/state.ts'
import { payments } from '../../../src/domain/payment/payments.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { idOf } from '../../support/account-commands.ts'
import { lifecycles, type Told } from '../../support/lifecycles.ts'
import { createMemory, rootOf } from '../../support/memory-streams.ts'
import { paid, returned } from '../../support/payment-messages.ts'
import { signIn } from '../../support/seed.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const AT = '2026-11-01T12:00:00.000Z'

async function tell(deps: Deps, orgId: string, { kind, message }: Told): Promise<void> {
  const root = rootOf(`${orgId} ${message.eventId}`, AT)
  if (kind === 'subscription') await followSubscription(deps, root, orgId, message)
  else if (kind === 'payment') await recordPayment(deps, root, orgId, message)
  else
    await recordReturn(deps, root, orgId, message).catch((error: unknown) => {
      if (!(error instanceof Refusal)) throw error
    })
}

test.each(Object.keys(lifecycles))('%s, all at once and each three times', async (name) => {
  const life = lifecycles[name] ?? []
  const { orgId } = await signIn(app)
  const { deps } = app.app
  await Promise.all([...life, ...life, ...life].map((one) => tell(deps, orgId, one)))
  // A return waits for its payment: it is told again.
  await Promise.all(life.map((one) => tell(deps, orgId, one)))
  const { violations } = await checkInvariants(app.app, { quiet: true })
  expect(violations).toEqual([])
  const { state } = await deps.streams.load(account, orgId)
  const { state: bought } = await deps.streams.load(payments, orgId)
  expect([...bought.payments.keys()].some((id) => state.posted.has(id))).toBe(true)
})

test('whoever posts what was true before looks again and posts what is', async () => {
  const { deps, eventsOf } = createMemory()
  const orgId = idOf('organization', 1)
  await recordPayment(deps, rootOf('paid', AT), orgId, paid(1))
  const known = await deps.streams.load(payments, orgId)
  // Another process writes a return, and posts; this one has not heard of it.
  await recordReturn(deps, rootOf('returned', AT), orgId, returned(2, 'txn_1'))
  let behind = true
  const streams = {
    ...deps.streams,
    load(decider: { category: string }, id: string) {
      if (decider.category !== payments.category || !behind)
        return deps.streams.load(decider as typeof payments, id)
      behind = false
      return Promise.resolve(known)
    },
  } as unknown as Deps['streams']
  await recordPayment({ ...deps, streams }, rootOf('again', AT), orgId, paid(1))
  expect(behind).toBe(false)
  const { state } = await deps.streams.load(account, orgId)
  expect(postedOf(state, 'txn_1')).toBe(15_000_000_000n)
  // It did post the past, and took it back.
  expect(eventsOf(account, orgId).map(({ type }) => type)).toEqual([
    'BillingAccountOpened',
    'CreditGranted',
    'CreditRevoked',
    'CreditGranted',
    'CreditRevoked',
  ])
})
