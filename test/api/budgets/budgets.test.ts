// A hard budget lets exactly as many parallel calls through as it has room for, says why to the others,
// and shows what is left of it to those whom it concerns.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newId, step } from '../../../src/commands/context.ts'
import type { Budget } from '../../../src/domain/policy/events.ts'
import { policySet } from '../../../src/domain/policy/policy-set.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { type Funded, fund, invoke, moneyOf, storyOf } from '../../support/funded.ts'
import { operatorRoot, signIn, signInMember } from '../../support/seed.ts'
import { openable } from '../../support/upstream.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

async function setBudget(orgId: string, change: Partial<Budget>): Promise<string> {
  const { deps } = app.app
  const root = operatorRoot(deps)
  const policyId = newId(deps.ids, root, 'policy')
  const terms: Budget = {
    kind: 'budget',
    name: 'Team',
    per: 'organization',
    period: 'day',
    amountNanos: '1000000',
    hard: true,
    ...change,
  }
  await deps.streams.transact(
    policySet(orgId),
    orgId,
    { type: 'CreatePolicy', policyId, owner: orgId, terms, at: root.at },
    step(deps.ids, root, 'policy'),
  )
  return policyId
}

/** What a plain call is held at, and what it was charged. */
async function oneCall(who: Funded): Promise<{ bound: bigint; charged: bigint }> {
  const before = await moneyOf(app, who.orgId)
  expect((await invoke(app, who)).status).toBe(200)
  const { balance } = await moneyOf(app, who.orgId)
  const events = await app.app.deps.streams.read(`account-${who.orgId}`)
  const placed = events.findLast(({ type }) => type === 'HoldPlaced')
  return {
    bound: BigInt(String(placed?.data['amountNanos'])),
    charged: before.balance - balance,
  }
}

const budgets = (token: string, org: string) =>
  app.request<{ items: Record<string, unknown>[] }>('GET /billing/budgets', { token, org })
const decimal = (nanos: bigint) => ({
  amount: `0.${nanos.toString().padStart(9, '0')}`,
  currency: 'USD',
})

test('of twelve calls at once on a budget for three, three pass', async () => {
  const who = await fund(app, { plan: { limits: { concurrentInvocations: 100 } } })
  const { bound, charged } = await oneCall(who)
  const policyId = await setBudget(who.orgId, { amountNanos: (charged + bound * 3n).toString() })
  // Nothing settles before all are decided.
  const gate = openable()
  app.upstream.next(...Array.from({ length: 3 }, () => ({ gate })))
  const people = await Promise.all(
    Array.from({ length: 4 }, () => signInMember(app, who.orgId, 'member')),
  )
  let refused = 0
  const calls = Array.from({ length: 12 }, async (_, n) => {
    const { token } = people[n % 4] ?? who
    const headers = { 'x-organization-id': who.orgId }
    const reply = await invoke(app, { ...who, token }, {}, { headers })
    if (reply.status !== 200 && ++refused === 9) gate.open()
    return reply
  })
  const replies = await Promise.all(calls)
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(3)
  expect(replies.filter(({ status }) => status === 402)).toHaveLength(9)
  const no = replies.find(({ status }) => status === 402)
  expect(no?.headers['retry-after']).toBeUndefined()
  expect(no?.body).toMatchObject({
    code: 'budget_exceeded',
    facts: {
      policy_id: policyId,
      policy: 'Team',
      per: 'organization',
      period: 'day',
      amount: decimal(charged + bound * 3n),
      spent: decimal(charged),
      held: decimal(bound * 3n),
      needed: decimal(bound),
      resets_at: '2026-11-02T00:00:00.000Z',
      helps_to_wait: true,
    },
  })
  expect(no?.text).toContain('Team')
})

test('a refused call leaves nothing behind', async () => {
  const who = await fund(app)
  await setBudget(who.orgId, { amountNanos: '1' })
  expect((await invoke(app, who)).body.code).toBe('budget_exceeded')
  expect(await storyOf(app, `account-${who.orgId}`)).not.toContain('HoldPlaced')
})

test('a budget for one agent binds that agent', async () => {
  const who = await fund(app)
  const other = await fund(app)
  await setBudget(who.orgId, { amountNanos: '1', per: 'agent', agents: [other.agentId] })
  expect((await invoke(app, who)).status).toBe(200)
  await setBudget(who.orgId, { amountNanos: '1', per: 'agent', agents: [who.agentId] })
  expect((await invoke(app, who)).status).toBe(402)
})

test('a plan’s budget binds who has the plan', async () => {
  const who = await fund(app, {
    plan: { budgets: [{ amountNanos: '1', per: 'month', of: 'user' }] },
  })
  const reply = await invoke(app, who)
  expect([reply.status, reply.body]).toMatchObject([
    402,
    { code: 'budget_exceeded', facts: { per: 'user', period: 'month' } },
  ])
})

test('an alert refuses nothing and is in the log once', async () => {
  const who = await fund(app)
  await setBudget(who.orgId, { amountNanos: '1', hard: false, thresholds: [50, 100] })
  for (let n = 0; n < 3; n++) expect((await invoke(app, who)).status).toBe(200)
  const story = await storyOf(app, `account-${who.orgId}`)
  expect(story.filter((type) => type === 'BudgetThresholdReached')).toHaveLength(2)
})

describe('GET /billing/budgets', () => {
  test('shows what is spent, held and left, whoever set the budget', async () => {
    const who = await fund(app, {
      plan: { budgets: [{ amountNanos: '900000000', per: 'month', of: 'user' }] },
    })
    const { charged } = await oneCall(who)
    const id = await setBudget(who.orgId, { amountNanos: '500000000', thresholds: [80] })
    await app.settled()
    const { body } = await budgets(who.token, who.orgId)
    expect(body.items).toEqual([
      {
        source: 'organization',
        id,
        name: 'Team',
        per: 'organization',
        period: 'day',
        amount: decimal(500_000_000n),
        hard: true,
        thresholds: [80],
        resets_at: '2026-11-02T00:00:00.000Z',
        of: [
          {
            id: null,
            spent: decimal(charged),
            held: decimal(0n),
            left: decimal(500_000_000n - charged),
          },
        ],
        more: false,
      },
      expect.objectContaining({
        source: 'plan',
        per: 'user',
        period: 'month',
        resets_at: '2026-12-01T00:00:00.000Z',
        of: [
          {
            id: who.userId,
            spent: decimal(charged),
            held: decimal(0n),
            left: decimal(900_000_000n - charged),
          },
        ],
      }),
    ])
  })

  test('names end users in the organization’s words', async () => {
    const who = await fund(app)
    await invoke(app, who, { user: 'customer-7' })
    await setBudget(who.orgId, { per: 'end_user', amountNanos: '500000000' })
    await app.settled()
    const { body } = await budgets(who.token, who.orgId)
    expect(body.items[0]?.['of']).toMatchObject([{ end_user: 'customer-7' }])
  })

  test('shows a member the budgets per person, and only their own part', async () => {
    const who = await fund(app)
    const member = await signInMember(app, who.orgId, 'member')
    await oneCall(who)
    await setBudget(who.orgId, { name: 'All', amountNanos: '500000000' })
    await setBudget(who.orgId, { name: 'Each', per: 'user', amountNanos: '500000000' })
    await app.settled()
    const { body } = await budgets(member.token, who.orgId)
    expect(body.items).toMatchObject([
      { name: 'Each', of: [{ id: member.userId, spent: decimal(0n) }], more: false },
    ])
  })

  test('is nothing for strangers', async () => {
    const who = await fund(app)
    const stranger = await signIn(app)
    expect((await budgets(stranger.token, who.orgId)).status).toBe(404)
  })
})
