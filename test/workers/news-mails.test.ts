// Owners and admins hear once of what concerns their organization's money, also when a crash came between
// two of their mails; nobody else does, and nobody is written to about end users.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { newId, step } from '../../src/commands/context.ts'
import { requestNewsMails } from '../../src/commands/mail/request-news-mails.ts'
import { recordPayment } from '../../src/commands/payment/record-payment.ts'
import { recordReturn } from '../../src/commands/payment/record-return.ts'
import { followSubscription } from '../../src/commands/subscription/follow-subscription.ts'
import type { MailKind } from '../../src/domain/mail/events.ts'
import { mail } from '../../src/domain/mail/mail.ts'
import type { Budget } from '../../src/domain/policy/events.ts'
import { policySet } from '../../src/domain/policy/policy-set.ts'
import { listMails } from '../../src/projections/mails.ts'
import { newsToTell, type UntoldNews } from '../../src/projections/untold-news.ts'
import { textsOf } from '../../src/workers/send-mails.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { fund, type Funded, invoke } from '../support/funded.ts'
import { returned, second, topUp } from '../support/payment-messages.ts'
import { operatorRoot, signInMember } from '../support/seed.ts'

const PATIENT = { timeout: 10_000 }

let app: TestApp
let who: Funded
beforeEach(async () => {
  app = await startTestApp()
  who = await fund(app)
})
afterEach(() => app.stop())

async function alertAt(change: Partial<Budget>): Promise<void> {
  const { deps } = app.app
  const { orgId } = who
  const root = operatorRoot(deps)
  const policyId = newId(deps.ids, root, 'policy')
  const terms: Budget = {
    kind: 'budget',
    name: 'Team',
    per: 'organization',
    period: 'day',
    amountNanos: '1000',
    hard: false,
    thresholds: [50, 100],
    ...change,
  }
  await deps.streams.transact(
    policySet(orgId),
    orgId,
    { type: 'CreatePolicy', policyId, owner: orgId, terms, at: root.at },
    step(deps.ids, root, 'policy'),
  )
}

/** Whom mails of a kind were asked for, in order. */
async function mailed(kind: MailKind = 'budget_threshold'): Promise<string[]> {
  const { engine } = app.app
  const events = await engine.events.readAll({ after: -1n, limit: 1_000 })
  return events
    .filter(({ type, data }) => type === 'MailRequested' && data['kind'] === kind)
    .map(({ data }) => String(data['subjectId']))
}
async function untold() {
  await app.settled()
  const found = []
  for await (const news of newsToTell(app.app.deps.views)) found.push(news)
  return found
}

test('each threshold is a mail to every owner and admin', async () => {
  const admin = await signInMember(app, who.orgId, 'admin', { locale: 'ru' })
  await signInMember(app, who.orgId, 'member')
  await signInMember(app, who.orgId, 'auditor')
  await alertAt({})
  await invoke(app, who)
  await invoke(app, who)
  await expect
    .poll(async () => (await mailed()).toSorted())
    .toEqual([who.userId, who.userId, admin.userId, admin.userId].toSorted())
  await app.app.workers.sweep()
  expect(await mailed()).toHaveLength(4)
  expect(await untold()).toEqual([])
})

test('what a crash has left is asked for by the sweep, and nothing twice', async () => {
  await alertAt({ thresholds: [100] })
  await invoke(app, who)
  await expect.poll(() => mailed(), PATIENT).toHaveLength(1)
  const events = await app.app.engine.events.readStream(`account-${who.orgId}`)
  const reached = events.find(({ type }) => type === 'BudgetThresholdReached')
  if (!reached) throw new Error('no threshold was reached')
  const document: UntoldNews = {
    kind: 'budget_threshold',
    stream: reached.stream,
    orgId: who.orgId,
    eventId: reached.id,
    revision: reached.revision,
    correlationId: reached.metadata.$correlationId,
    requested: 0,
  }
  await requestNewsMails(app.app.deps, document)
  expect(await mailed()).toHaveLength(1)
  await signInMember(app, who.orgId, 'admin')
  await requestNewsMails(app.app.deps, document)
  expect(await mailed()).toHaveLength(2)
})

test('nobody is written to about end users', async () => {
  await alertAt({ per: 'end_user' })
  await invoke(app, who, { user: 'customer 7' })
  await app.app.workers.sweep()
  expect(await untold()).toEqual([])
  expect(await mailed()).toEqual([])
})

describe('money', () => {
  const planId = () => newId(app.app.deps.ids, operatorRoot(app.app.deps), 'plan')
  let n = 0
  const said = (status: 'active' | 'past_due', at = ++n) =>
    followSubscription(app.app.deps, operatorRoot(app.app.deps), who.orgId, {
      subscriptionId: 'sub_1',
      planId: planId(),
      planVersion: 1,
      graceDays: 3,
      startedAt: '2026-10-01T00:00:00.000Z',
      status,
      occurredAt: `2026-11-01T00:00:${String(at).padStart(2, '0')}.000000000Z`,
      eventId: `evt_${at}`,
    })
  const sweep = async () => {
    await app.settled()
    await app.app.workers.sweep()
  }
  /** Of the last mail of a kind, as the person reads it. */
  async function read(kind: MailKind): Promise<string> {
    const { deps } = app.app
    const { items } = await listMails(deps.views, { limit: 100, descending: true })
    const found = items.find((one) => one.kind === kind)
    const { state } = await deps.streams.load(mail, found?.mailId ?? '')
    return state ? textsOf(deps, state).text.replaceAll(/[\u2068\u2069]/g, '') : ''
  }

  test('that failed to come is told once, until it has come and fails again', async () => {
    await said('active')
    await said('past_due')
    await said('past_due')
    await expect.poll(() => mailed('payment_failed'), PATIENT).toEqual([who.userId])
    await said('past_due')
    for (const _ of [1, 2]) await sweep()
    expect(await mailed('payment_failed')).toEqual([who.userId])
    expect(await read('payment_failed')).toContain('until 2026-11-04 00:00 UTC')
    await said('active')
    await said('past_due')
    await expect.poll(() => mailed('payment_failed'), PATIENT).toHaveLength(2)
  })

  test('that has come meanwhile is not told as failed by a message that is late', async () => {
    const late = ++n
    await said('active', ++n)
    await said('past_due', late)
    for (const _ of [1, 2]) await sweep()
    expect(await mailed('payment_failed')).toEqual([])
  })

  test('that goes back is told, and only when it does', async () => {
    const { deps } = app.app
    const give = (k: number, change: Parameters<typeof returned>[2]) =>
      recordReturn(deps, operatorRoot(deps), who.orgId, returned(k, 'txn_1', change))
    const { customerId: _, ...payment } = topUp(1)
    await recordPayment(deps, operatorRoot(deps), who.orgId, payment)
    await give(2, { status: 'pending' })
    await give(3, { kind: 'chargeback_warning' })
    for (const _ of [1, 2]) await sweep()
    expect(await mailed('payment_returned')).toEqual([])
    await give(2, { occurredAt: second(9), eventId: 'evt_9', totalMinor: '1050' })
    await expect.poll(() => mailed('payment_returned'), PATIENT).toEqual([who.userId])
    await sweep()
    expect(await read('payment_returned')).toContain('10.50 USD of a payment')
    expect(await untold()).toEqual([])
  })
})
