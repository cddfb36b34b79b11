// Who may, and under which limits: deny wins, in a written order, and nothing that an organization says widens what the platform allows.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { emptyBook, policyBook } from '../../../src/domain/policy/book.ts'
import { decide, type Rules } from '../../../src/domain/policy/decide.ts'
import type { Decision, Policy, Subject } from '../../../src/domain/policy/decision.ts'
import type { PolicyTerms } from '../../../src/domain/policy/events.ts'
import { idOf } from '../../support/books.ts'

const AGENT = idOf('agent', 1)
const OTHER = idOf('agent', 2)
const ORG = idOf('organization', 1)
const USER = idOf('user', 1)
const KEY = idOf('apiKey', 1)
const PLAN = idOf('plan', 1)

let made = 0
const policy = (terms: PolicyTerms): Policy => ({
  policyId: idOf('policy', ++made),
  version: 3,
  terms,
})
const book = (...terms: PolicyTerms[]) => policyBook(terms.map(policy))

type Access = Extract<PolicyTerms, { kind: 'resource_access' }>
type Limit = Extract<PolicyTerms, { kind: 'rate_limit' }>
type Spend = Extract<PolicyTerms, { kind: 'budget' }>
const access = (effect: Access['effect'], rest: Partial<Access> = {}): Access => ({
  kind: 'resource_access',
  name: `${effect} it`,
  effect,
  ...rest,
})
const limit = (rest: Partial<Limit> = {}): Limit => ({
  kind: 'rate_limit',
  name: 'a limit',
  on: 'invoke',
  measure: 'requests',
  per: 'user',
  limit: 60,
  ...rest,
})
const spend = (rest: Partial<Spend> = {}): Spend => ({
  kind: 'budget',
  name: 'a budget',
  amountNanos: '1000',
  period: 'day',
  per: 'user',
  hard: true,
  ...rest,
})

const call = (rest: Partial<Subject> = {}): Subject => ({
  action: 'invoke',
  resource: 'agent',
  act: 'invoke',
  orgId: ORG,
  userId: USER,
  role: 'member',
  agentId: AGENT,
  models: ['small'],
  expectedTokens: 500,
  ...rest,
})
const aliases = new Map([
  ['small', ['fast']],
  ['large', ['slow']],
])
const plan = (terms: Partial<NonNullable<Rules['plan']>['terms']> = {}): Rules['plan'] => ({
  planId: PLAN,
  version: 2,
  terms: { agents: 'all', limits: {}, ...terms },
})
const key = (terms: NonNullable<Rules['key']>['terms']): Rules['key'] => ({ keyId: KEY, terms })

const allowed = (decision: Decision) => {
  if (decision.effect === 'deny') throw new Error(decision.ruling.reason)
  return decision
}
const effect = (subject: Subject, rules: Partial<Rules>) =>
  decide(subject, { platform: emptyBook, ...rules }).effect

describe('resource_access', () => {
  test.each<[string, Access, Partial<Subject>, 'allow' | 'deny']>([
    ['everything', access('deny'), {}, 'deny'],
    ['another resource', access('deny', { resources: ['billing'] }), {}, 'allow'],
    ['this resource', access('deny', { resources: ['billing', 'agent'] }), {}, 'deny'],
    ['another action', access('deny', { actions: ['create'] }), {}, 'allow'],
    ['another role', access('deny', { roles: ['owner'] }), {}, 'allow'],
    ['this role', access('deny', { roles: ['member'] }), {}, 'deny'],
    ['keys, and it is one', access('deny', { roles: ['key'] }), { role: 'key' }, 'deny'],
    ['this agent', access('deny', { agents: [AGENT] }), {}, 'deny'],
    ['another agent', access('deny', { agents: [OTHER] }), {}, 'allow'],
    [
      'a model that may answer',
      access('deny', { models: ['large'] }),
      { models: ['small', 'large'] },
      'deny',
    ],
    ['another model', access('deny', { models: ['large'] }), {}, 'allow'],
    ['an alias of the model', access('deny', { models: ['fast'] }), { aliases }, 'deny'],
    ['an alias of another model', access('deny', { models: ['slow'] }), { aliases }, 'allow'],
    [
      'agent and alias together',
      access('deny', { agents: [AGENT], models: ['fast'] }),
      { aliases },
      'deny',
    ],
    ['others, allowing an alias', access('allow', { models: ['fast'] }), { aliases }, 'allow'],
    [
      'agent and model together',
      access('deny', { agents: [AGENT], models: ['large'] }),
      {},
      'allow',
    ],
    ['others, allowing this role', access('allow', { roles: ['member'] }), {}, 'allow'],
    ['others, allowing another role', access('allow', { roles: ['owner'] }), {}, 'deny'],
    ['others, allowing another agent', access('allow', { agents: [OTHER] }), {}, 'deny'],
    [
      'others, allowing one of two models',
      access('allow', { models: ['small'] }),
      { models: ['small', 'large'] },
      'deny',
    ],
    [
      'nothing of another resource',
      access('allow', { resources: ['billing'], roles: ['owner'] }),
      {},
      'allow',
    ],
  ])('denies %s', (_name, terms, subject, expected) => {
    expect(effect(call(subject), { platform: book(terms) })).toBe(expected)
  })
  test('of agents and models says nothing of requests that concern none', () => {
    const list: Subject = { action: 'request', resource: 'agent', act: 'list', role: 'member' }
    expect(effect(list, { platform: book(access('allow', { agents: [AGENT] })) })).toBe('allow')
    expect(effect(list, { platform: book(access('deny', { models: ['small'] })) })).toBe('allow')
  })
  test('denies also where another rule allows', () => {
    const platform = book(access('allow'), access('deny', { roles: ['member'] }))
    expect(effect(call(), { platform })).toBe('deny')
  })
  test('does not keep an administrator, or whoever looks after the policies, from their work', () => {
    const deny = book(access('deny'))
    const admin: Subject = { action: 'request', resource: 'user', act: 'list', exempt: 'access' }
    expect(effect(admin, { platform: deny })).toBe('allow')
    const own: Subject = { action: 'request', resource: 'policy', act: 'update', exempt: 'own' }
    expect(effect(own, { organization: deny })).toBe('allow')
    expect(effect(own, { platform: deny })).toBe('deny')
  })
})

describe('the order', () => {
  const all = {
    platform: book(access('deny', { name: 'platform' })),
    organization: book(access('deny', { name: 'organization' })),
    key: key({ agents: [OTHER] }),
    plan: plan({ agents: [OTHER] }),
  }
  const subject = call({ sharedAgent: true })
  const rule = (rules: Partial<Rules>) => {
    const decision = decide(subject, { platform: emptyBook, ...rules })
    return decision.effect === 'deny' ? decision.ruling.rule : undefined
  }
  test('is platform, organization, key, plan', () => {
    const { platform: _p, ...withoutPlatform } = all
    const { organization: _o, ...ofKeyAndPlan } = withoutPlatform
    expect(rule(all)).toBe('platform')
    expect(rule(withoutPlatform)).toBe('organization')
    expect(rule(ofKeyAndPlan)).toBe('key')
    expect(rule({ plan: all.plan })).toBe('plan')
    expect(rule({})).toBeUndefined()
  })
  test('names policy, version, rule and reason', () => {
    const decision = decide(subject, all)
    expect(decision).toMatchObject({
      effect: 'deny',
      ruling: { policyId: expect.stringMatching(/^pol_/), version: 3, rule: 'platform' },
    })
  })
})

describe('keys and plans', () => {
  test.each<[NonNullable<Rules['key']>['terms'], 'allow' | 'deny']>([
    [{ agents: [AGENT] }, 'allow'],
    [{ agents: [OTHER] }, 'deny'],
    [{ models: ['small', 'large'] }, 'allow'],
    [{ models: ['large'] }, 'deny'],
  ])('a key that is bound to %j: %s', (terms, expected) => {
    expect(effect(call(), { key: key(terms) })).toBe(expected)
  })
  test('a key must be allowed every model that may answer', () => {
    const subject = call({ models: ['small', 'large'] })
    expect(effect(subject, { key: key({ models: ['small'] }) })).toBe('deny')
  })
  test('a plan names agents of the platform, never the organization’s own', () => {
    const other = { plan: plan({ agents: [OTHER] }) }
    expect(effect(call({ sharedAgent: true }), other)).toBe('deny')
    expect(effect(call({ sharedAgent: false }), other)).toBe('allow')
  })
  test('their limits and budgets are kept like any other', () => {
    const { limits, budgets } = allowed(
      decide(call({ keyId: KEY, role: 'key' }), {
        platform: emptyBook,
        plan: plan({
          limits: { requestsPerMinute: 100, invocationsPerMinute: 10, concurrentInvocations: 2 },
          budgets: [{ amountNanos: '9', per: 'month', of: 'organization' }],
        }),
        key: key({
          limits: { requestsPerMinute: 5, tokensPerMinute: 1_000, concurrentInvocations: 1 },
          budget: { amountNanos: '7', per: 'day' },
        }),
      }),
    )
    expect(
      limits.map(({ ruling, per, measure, limit: so, units }) => [
        ruling.rule,
        per,
        measure,
        so,
        units,
      ]),
    ).toEqual([
      ['plan', 'organization', 'requests', 100, 1],
      ['plan', 'organization', 'requests', 10, 1],
      ['plan', 'organization', 'concurrency', 2, 1],
      ['key', 'key', 'requests', 5, 1],
      ['key', 'key', 'tokens', 1_000, 500],
      ['key', 'key', 'concurrency', 1, 1],
    ])
    expect(new Set(limits.map(({ key: counter }) => counter)).size).toBe(limits.length)
    expect(budgets).toMatchObject([
      {
        ruling: { policyId: PLAN, rule: 'plan' },
        per: 'organization',
        period: 'month',
        hard: true,
      },
      { ruling: { policyId: KEY, rule: 'key' }, per: 'key', period: 'day', hard: true },
    ])
  })
  test('free and pro differ by the plan alone', () => {
    const [free, pro] = [
      plan({ limits: { invocationsPerMinute: 5 } }),
      plan({ limits: { invocationsPerMinute: 500 } }),
    ]
    const limitOf = (of: Rules['plan']) =>
      allowed(decide(call(), { platform: emptyBook, plan: of })).limits.map((one) => one.limit)
    expect([limitOf(free), limitOf(pro)]).toEqual([[5], [500]])
  })
})

describe('limits', () => {
  test('one that names a model and an alias of it counts once', () => {
    const platform = book(limit({ models: ['small', 'fast'] }))
    expect(allowed(decide(call({ aliases }), { platform })).limits).toHaveLength(1)
  })
  const subject = call({
    keyId: KEY,
    endUser: 'digest-of-end-user',
    ip: 'digest-of-ip',
    address: 'digest-of-address',
  })
  test.each([
    ['user', USER],
    ['end_user', `${ORG}/digest-of-end-user`],
    ['key', KEY],
    ['agent', AGENT],
    ['organization', ORG],
    ['ip', 'digest-of-ip'],
    ['address', 'digest-of-address'],
  ] as const)('per %s count for it alone', (per, whose) => {
    const decision = allowed(decide(subject, { platform: book(limit({ per })) }))
    expect(decision.limits).toMatchObject([
      { per, key: expect.stringContaining(`/${per}/${whose}`) },
    ])
    const nobody: Subject = { action: 'invoke', resource: 'agent', act: 'invoke' }
    expect(allowed(decide(nobody, { platform: book(limit({ per })) })).limits).toEqual([])
  })
  test('are those of the action, the agent and the model', () => {
    const platform = book(
      limit({ on: 'request' }),
      limit({ agents: [OTHER] }),
      limit({ models: ['large'] }),
      limit({ agents: [AGENT], models: ['large'] }),
      limit({ name: 'mine', agents: [AGENT], models: ['small'] }),
    )
    expect(allowed(decide(call(), { platform })).limits.map((one) => one.ruling.rule)).toEqual([
      'mine',
    ])
  })
  test('of tokens take what the call is expected to take', () => {
    const platform = book(limit({ measure: 'tokens', limit: 9_000 }))
    expect(allowed(decide(call(), { platform })).limits).toMatchObject([{ units: 500 }])
    const { expectedTokens: _unknown, ...unknown } = call()
    expect(allowed(decide(unknown, { platform })).limits).toEqual([])
  })
  test('of platform and organization are all kept', () => {
    const rules = { platform: book(limit()), organization: book(limit({ limit: 600 })) }
    expect(allowed(decide(call(), rules)).limits.map((one) => one.limit)).toEqual([60, 600])
  })
})

describe('budgets', () => {
  test('are handed over where the call is for somebody whom they count', () => {
    const platform = book(
      spend(),
      spend({ per: 'end_user' }),
      spend({ per: 'platform' }),
      spend({ per: 'agent', agents: [OTHER] }),
      spend({ per: 'organization', agents: [AGENT], hard: false, thresholds: [80] }),
    )
    expect(allowed(decide(call(), { platform })).budgets).toMatchObject([
      { per: 'user', hard: true, thresholds: [] },
      { per: 'organization', hard: false, thresholds: [80], agents: [AGENT] },
    ])
    expect(allowed(decide(call({ action: 'request' }), { platform })).budgets).toEqual([])
  })
})

const some = <T>(values: readonly [T, ...T[]]) =>
  fc.option(fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 }), { nil: undefined })
const defined = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
const narrowed = { agents: some([AGENT, OTHER]), models: some(['small', 'large']) }
const anyTerms: fc.Arbitrary<PolicyTerms> = fc.oneof(
  fc
    .record({
      effect: fc.constantFrom('allow' as const, 'deny' as const),
      roles: some(['owner', 'member', 'key'] as const),
      resources: some(['agent', 'billing']),
      actions: some(['invoke', 'read']),
      ...narrowed,
    })
    .map(({ effect: said, ...rest }) => access(said, defined(rest))),
  fc
    .record({
      per: fc.constantFrom('user' as const, 'organization' as const, 'agent' as const),
      limit: fc.integer({ min: 1, max: 100 }),
      ...narrowed,
    })
    .map((rest) => limit(defined(rest))),
  fc
    .record({ amountNanos: fc.constantFrom('1', '1000'), agents: narrowed.agents })
    .map((rest) => spend({ per: 'organization', ...defined(rest) })),
)
const anySubject = fc
  .record({
    agentId: fc.constantFrom(AGENT, OTHER),
    models: fc.constantFrom(['small'], ['large'], ['small', 'large']),
    role: fc.constantFrom('owner' as const, 'member' as const, 'key' as const),
    resource: fc.constantFrom('agent', 'billing'),
    act: fc.constantFrom('invoke', 'read'),
  })
  .map((rest) => call(rest))

describe('an organization', () => {
  test('never widens what the platform allows: with its policies there is as much in the way, or more', () => {
    fc.assert(
      fc.property(
        fc.array(anyTerms, { maxLength: 8 }),
        fc.array(anyTerms, { maxLength: 8 }),
        anySubject,
        (ofPlatform, ofOrganization, subject) => {
          const platform = book(...ofPlatform)
          const without = decide(subject, { platform })
          const withOwn = decide(subject, { platform, organization: book(...ofOrganization) })
          if (without.effect === 'deny') {
            expect(withOwn).toEqual(without)
          } else if (withOwn.effect === 'allow') {
            expect(withOwn.limits).toEqual(expect.arrayContaining([...without.limits]))
            expect(withOwn.budgets).toEqual(expect.arrayContaining([...without.budgets]))
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

test('a thousand policies about others change nothing', () => {
  const many = Array.from({ length: 1_000 }, (_one, index) =>
    policy(limit({ name: `of agent ${index}`, agents: [idOf('agent', 100 + index)] })),
  )
  const [of] = [policy(limit({ name: 'mine', agents: [AGENT] }))]
  const platform = policyBook([...many, of as Policy])
  expect(allowed(decide(call(), { platform })).limits.map((one) => one.ruling.rule)).toEqual([
    'mine',
  ])
})
