// Owners and admins hear once of a budget that has reached a threshold, also when a crash came between
// two of their mails; nobody else does, and nobody is written to about end users.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { newId, step } from '../../src/commands/context.ts'
import { requestNewsMails } from '../../src/commands/mail/request-news-mails.ts'
import type { Budget } from '../../src/domain/policy/events.ts'
import { policySet } from '../../src/domain/policy/policy-set.ts'
import { newsToTell, type UntoldNews } from '../../src/projections/untold-news.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { fund, type Funded, invoke } from '../support/funded.ts'
import { operatorRoot, signInMember } from '../support/seed.ts'

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

/** Whom mails about budgets were asked for, in order. */
async function mailed(): Promise<string[]> {
  const { engine } = app.app
  const events = await engine.events.readAll({ after: -1n, limit: 1_000 })
  return events
    .filter(({ type, data }) => type === 'MailRequested' && data['kind'] === 'budget_threshold')
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
  await expect.poll(mailed).toHaveLength(1)
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
