// Guarantee: policies of one owner are decided together: versions never change, an organization only narrows, the platform begins with its defaults, and a thousand policies cost a decision nothing.
import { describe, expect, it, test } from 'vitest'
import { createIds } from '../../../src/adapters/ids.ts'
import { NAMESPACE } from '../../../src/commands/context.ts'
import { idFromUuid, idSchema } from '../../../src/domain/ids.ts'
import { concerning } from '../../../src/domain/policy/book.ts'
import { defaultPolicies, SPEND_CEILING } from '../../../src/domain/policy/defaults.ts'
import {
  type Budget,
  type PolicyEvent,
  policyTerms,
  type PolicyTerms,
  type RateLimit,
  type ResourceAccess,
} from '../../../src/domain/policy/events.ts'
import {
  bookOf,
  MAX_ENABLED,
  MAX_EVER,
  MAX_NAMES,
  policiesOf,
  policySet,
  versionsOf,
} from '../../../src/domain/policy/policy-set.ts'
import { assertTerms } from '../../../src/domain/policy/terms.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import { given, stateOf } from '../../support/decider.ts'

const at = '2026-03-01T12:00:00.000Z'
const orgId = 'org_01j8z3v5k7m9n2p4q6r8s0t1w3'
const policyId = 'pol_01j8z3v5k7m9n2p4q6r8s0t1w3'
const idOf = (prefix: string, n: number) => `${prefix}_${String(n).padStart(26, '0')}`
const organization = policySet(orgId)
const platform = policySet('platform')

const limit = (change: Partial<RateLimit> = {}): RateLimit => ({
  kind: 'rate_limit',
  name: 'Calls',
  on: 'invoke',
  measure: 'requests',
  per: 'user',
  limit: 10,
  ...change,
})
const access = (change: Partial<ResourceAccess> = {}): ResourceAccess => ({
  kind: 'resource_access',
  name: 'No calls by auditors',
  effect: 'deny',
  roles: ['auditor'],
  ...change,
})
const spend = (change: Partial<Budget> = {}): Budget => ({
  kind: 'budget',
  name: 'A dollar a day',
  amountNanos: '1000000000',
  period: 'day',
  per: 'user',
  hard: true,
  ...change,
})
const create = (terms: PolicyTerms, id = policyId) =>
  ({ type: 'CreatePolicy', policyId: id, owner: orgId, terms, at }) as const
const created = (terms: PolicyTerms, id = policyId): PolicyEvent => ({
  type: 'PolicyCreated',
  data: { policyId: id, owner: orgId, version: 1, terms, at },
})
const changed = (version: number, terms: PolicyTerms): PolicyEvent => ({
  type: 'PolicyChanged',
  data: { policyId, owner: orgId, version, terms, at },
})
const disabled = (version: number): PolicyEvent => ({
  type: 'PolicyDisabled',
  data: { policyId, owner: orgId, version, at },
})
const change = (changes: Record<string, unknown>, enabled?: boolean) =>
  ({
    type: 'ChangePolicy',
    policyId,
    changes,
    at,
    ...(enabled !== undefined && { enabled }),
  }) as const

describe('the life of a policy', () => {
  it('is made in version 1', () => {
    given(organization, [])
      .when(create(limit()))
      .then([created(limit())])
  })
  it('changes field by field; null takes one away', () => {
    const before = limit({ burst: 5, windowSeconds: 30 })
    given(organization, [created(before)])
      .when(change({ limit: 20, burst: null }))
      .then([changed(2, limit({ limit: 20, windowSeconds: 30 }))])
  })
  it('the same terms again are no news', () => {
    given(organization, [created(limit())])
      .when(change({ limit: 10 }))
      .thenNothing()
  })
  it('is disabled, once', () => {
    const disable = { type: 'DisablePolicy', policyId, at } as const
    given(organization, [created(limit())])
      .when(disable)
      .then([disabled(2)])
    given(organization, [created(limit()), disabled(2)])
      .when(disable)
      .thenNothing()
  })
  it('a disabled one that changes stays disabled', () => {
    given(organization, [created(limit()), disabled(2)])
      .when(change({ limit: 11 }))
      .then([changed(3, limit({ limit: 11 })), disabled(4)])
  })
  it('binds again where it is told to', () => {
    given(organization, [created(limit()), disabled(2)])
      .when(change({}, true))
      .then([changed(3, limit())])
  })
  it('is disabled by a change, with other terms or without', () => {
    given(organization, [created(limit())])
      .when(change({}, false))
      .then([disabled(2)])
    given(organization, [created(limit())])
      .when(change({ limit: 11 }, false))
      .then([changed(2, limit({ limit: 11 })), disabled(3)])
  })
  it('changes only at the version that was read', () => {
    const events = [created(limit()), changed(2, limit({ limit: 11 }))]
    given(organization, events)
      .when({ ...change({ limit: 12 }), ifVersion: 1 })
      .thenRefused('precondition_failed', { revision: 2 })
    given(organization, events)
      .when({ type: 'DisablePolicy', policyId, ifVersion: 1, at })
      .thenRefused('precondition_failed', { revision: 2 })
    given(organization, events)
      .when({ ...change({ limit: 12 }), ifVersion: 2 })
      .then([changed(3, limit({ limit: 12 }))])
  })
  it('one that is not there is not found', () => {
    given(organization, [])
      .when(change({ limit: 1 }))
      .thenRefused('policy_not_found')
    given(organization, [])
      .when({ type: 'DisablePolicy', policyId, at })
      .thenRefused('policy_not_found')
  })
  it('keeps its kind and takes no field of another', () => {
    given(organization, [created(limit())])
      .when(change({ effect: 'deny' }))
      .thenRefused('policy_invalid', {
        field: 'effect',
        expected: 'no such field in this kind of policy',
      })
    given(organization, [created(limit())])
      .when(change({ kind: 'budget', limit: 11 }))
      .then([changed(2, limit({ limit: 11 }))])
    given(organization, [created(limit())])
      .when(change({ limit: null }))
      .thenRefused('policy_invalid')
  })
  it('every version stays readable', () => {
    const events = [created(limit()), changed(2, limit({ limit: 11 })), disabled(3)]
    expect(versionsOf(orgId, policyId, events)).toEqual([
      { version: 1, enabled: true, terms: limit(), at },
      { version: 2, enabled: true, terms: limit({ limit: 11 }), at },
      { version: 3, enabled: false, terms: limit({ limit: 11 }), at },
    ])
  })
})

describe('an organization can only narrow', () => {
  test.each([
    ['on', limit({ on: 'login', per: 'ip' })],
    ['on', limit({ on: 'webhook', per: 'ip' })],
    ['effect', access({ effect: 'allow' })],
    ['per', spend({ per: 'platform' })],
  ])('%s', (field, terms) => {
    given(organization, []).when(create(terms)).thenRefused('policy_widens')
    expect(() => assertTerms(orgId, terms)).toThrow(Refusal)
    expect(() => assertTerms('platform', terms)).not.toThrow()
    try {
      assertTerms(orgId, terms)
    } catch (error) {
      expect((error as Refusal).facts['field']).toBe(field)
    }
  })
  it('nor by a change', () => {
    given(organization, [created(access())])
      .when(change({ effect: 'allow' }))
      .thenRefused('policy_widens')
  })
})

describe('terms of which nothing would follow', () => {
  test.each<[string, PolicyTerms]>([
    ['per', limit({ on: 'request', per: 'agent' })],
    ['per', limit({ on: 'invoke', per: 'address' })],
    ['measure', limit({ on: 'request', measure: 'tokens' })],
    ['agents', limit({ on: 'request', agents: [idOf('agt', 1)] })],
    ['models', limit({ on: 'request', models: ['m'] })],
    ['window_seconds', limit({ measure: 'concurrency', windowSeconds: 60 })],
    ['burst', limit({ measure: 'concurrency', burst: 1 })],
    ['burst', limit({ limit: 5, burst: 6 })],
    ['thresholds', spend({ hard: false })],
  ])('%s', (field, terms) => {
    given(organization, []).when(create(terms)).thenRefused('policy_invalid')
    try {
      assertTerms('platform', terms)
    } catch (error) {
      expect((error as Refusal).facts['field']).toBe(field)
    }
  })
})

describe('what the platform begins with', () => {
  const slugs = [
    'login-ip',
    'login-address',
    'registration-ip',
    'password-reset-address',
    'invoke-user',
    'invoke-user-concurrency',
    'invoke-key',
    'invoke-key-concurrency',
    'request-user',
    'request-key',
    'request-ip',
    'webhook-ip',
    'spend-ceiling',
  ]
  it('has fixed ids, good terms, and is the platform’s alone', () => {
    const ids = createIds()
    expect(defaultPolicies.map((one) => one.policyId)).toEqual(
      slugs.map((slug) => idFromUuid('policy', ids.derive(NAMESPACE, `policy/default/${slug}`))),
    )
    for (const { policyId: id, terms } of defaultPolicies) {
      expect(idSchema('policy').safeParse(id).success).toBe(true)
      expect(policyTerms.parse(terms)).toEqual(terms)
      expect(() => assertTerms('platform', terms)).not.toThrow()
    }
    expect(policiesOf(platform.initial()).map((one) => one.version)).toEqual(slugs.map(() => 1))
    expect(policiesOf(organization.initial())).toEqual([])
  })
  it('is what the issue says', () => {
    const limits = defaultPolicies.flatMap(({ terms }) =>
      terms.kind === 'rate_limit'
        ? [[terms.on, terms.measure, terms.per, terms.limit, terms.windowSeconds]]
        : [],
    )
    expect(limits).toEqual([
      ['login', 'requests', 'ip', 10, 60],
      ['login', 'requests', 'address', 5, 60],
      ['registration', 'requests', 'ip', 5, 3_600],
      ['password_reset', 'requests', 'address', 3, 3_600],
      ['invoke', 'requests', 'user', 60, 60],
      ['invoke', 'concurrency', 'user', 4, undefined],
      ['invoke', 'requests', 'key', 600, 60],
      ['invoke', 'concurrency', 'key', 32, undefined],
      ['request', 'requests', 'user', 600, 60],
      ['request', 'requests', 'key', 600, 60],
      ['request', 'requests', 'ip', 3_000, 60],
      ['webhook', 'requests', 'ip', 3_000, 60],
    ])
    expect(defaultPolicies.find((one) => one.policyId === SPEND_CEILING)?.terms).toMatchObject({
      kind: 'budget',
      amountNanos: '25000000000',
      period: 'day',
      per: 'platform',
      hard: true,
    })
  })
  it('the first change of one is version 2, and version 1 stays readable', () => {
    const told = given(platform, []).when({
      type: 'ChangePolicy',
      policyId: SPEND_CEILING,
      changes: { amountNanos: '50000000000' },
      at,
    })
    const events = told.events()
    expect(events).toMatchObject([
      { type: 'PolicyChanged', data: { owner: 'platform', version: 2 } },
    ])
    expect(
      versionsOf('platform', SPEND_CEILING, events).map(({ version, terms, at: when }) => [
        version,
        'amountNanos' in terms && terms.amountNanos,
        when,
      ]),
    ).toEqual([
      [1, '25000000000', undefined],
      [2, '50000000000', at],
    ])
  })
})

describe('how many', () => {
  const many = (count: number, terms: (n: number) => PolicyTerms = () => limit()) =>
    Array.from({ length: count }, (_, n) => created(terms(n), idOf('pol', n)))

  it('bind at once', () => {
    const full = many(MAX_ENABLED)
    given(organization, full)
      .when(create(limit()))
      .thenRefused('too_many_policies', { limit: MAX_ENABLED, of: 'enabled' })
    const disable: PolicyEvent = {
      type: 'PolicyDisabled',
      data: { policyId: idOf('pol', 0), owner: orgId, version: 2, at },
    }
    given(organization, [...full, disable])
      .when(create(limit()))
      .then([created(limit())])
    given(organization, [...full, disable, created(limit())])
      .when({ ...change({}, true), policyId: idOf('pol', 0) })
      .thenRefused('too_many_policies')
  })
  it('were ever made', () => {
    const gone = many(MAX_EVER).flatMap((one): PolicyEvent[] => [
      one,
      {
        type: 'PolicyDisabled',
        data: { policyId: one.data.policyId, owner: orgId, version: 2, at },
      },
    ])
    const state = stateOf(organization, gone)
    expect(() => organization.decide(create(limit()), state)).toThrow('too_many_policies')
  })
  it('agents and models are named in them', () => {
    const agents = Array.from({ length: 1_000 }, (_, n) => idOf('agt', n))
    const full = many(MAX_NAMES / agents.length, () => limit({ agents }))
    given(organization, full)
      .when(create(limit({ models: ['m'] })))
      .thenRefused('too_many_policies', { limit: MAX_NAMES, of: 'names' })
    given(organization, full)
      .when(create(limit()))
      .then([created(limit())])
  })

  it('a thousand cost a decision no more than one', () => {
    const of = (count: number) =>
      bookOf(
        stateOf(
          organization,
          many(count, (n) => limit({ agents: [idOf('agt', n)] })),
        ),
      )
    const subject = { agentId: idOf('agt', 0) }
    const shelf = (count: number) => of(count).limits.get('invoke')
    expect(concerning(shelf(1_000), subject, undefined)).toHaveLength(1)
    expect(concerning(shelf(1), subject, undefined)).toHaveLength(1)
  })
  it('what binds is put in order once for each state', () => {
    const state = stateOf(organization, many(3))
    expect(bookOf(state)).toBe(bookOf(state))
    const next = organization.evolve(state, disabled(2))
    expect(bookOf(next)).toBe(bookOf(state))
    const without = organization.evolve(state, {
      type: 'PolicyDisabled',
      data: { policyId: idOf('pol', 1), owner: orgId, version: 2, at },
    })
    expect(
      bookOf(without)
        .limits.get('invoke')
        ?.general.map((one) => one.policyId),
    ).toEqual([idOf('pol', 0), idOf('pol', 2)])
  })
})
