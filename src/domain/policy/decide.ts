/**
 * Whether a request may be, and under which limits and budgets. Pure, and in this order:
 *
 * 1. A `resource_access` of the platform that denies it, or its allowing ones when none of them names it.
 * 2. The same of the organization.
 * 3. What the key is bound to.
 * 4. Which of the platform's agents the plan has.
 * 5. Then all limits and budgets of all of them together: every one has to be kept.
 *
 * Deny wins. An organization's policies, a plan and a key add conditions and take none away.
 */
import type { KeyTerms } from '../api-key/events.ts'
import type { PlanInput } from '../plan/events.ts'
import { type PolicyBook, concerning, EVERYTHING } from './book.ts'
import type { BudgetToKeep, Decision, LimitToReserve, Policy, Subject } from './decision.ts'
import type { RateLimit, ResourceAccess, Ruling } from './events.ts'

export interface Rules {
  readonly platform: PolicyBook
  readonly organization?: PolicyBook | undefined
  readonly plan?:
    | {
        readonly planId: string
        readonly version: number
        readonly terms: Pick<PlanInput, 'agents' | 'limits' | 'budgets'>
      }
    | undefined
  readonly key?:
    | {
        readonly keyId: string
        readonly terms: Pick<KeyTerms, 'agents' | 'models' | 'limits' | 'budget'>
      }
    | undefined
}

const DEFAULT_WINDOW_SECONDS = 60

export function decide(subject: Subject, rules: Rules): Decision {
  const { platform, plan, key } = rules
  const organization = subject.exempt === 'own' ? undefined : rules.organization
  const denied =
    (subject.exempt === 'access'
      ? undefined
      : (deniedBy(subject, platform) ?? (organization && deniedBy(subject, organization)))) ??
    outsideKey(subject, key) ??
    outsidePlan(subject, plan)
  if (denied) return { effect: 'deny', ruling: denied }
  const limits: LimitToReserve[] = []
  const budgets: BudgetToKeep[] = []
  for (const book of organization ? [platform, organization] : [platform]) {
    limitsOf(subject, book, limits)
    budgetsOf(subject, book, budgets)
  }
  planTerms(subject, plan, limits, budgets)
  keyTerms(subject, key, limits, budgets)
  return { effect: 'allow', limits, budgets }
}

const rulingOf = ({ policyId, version, terms }: Policy, reason: string): Ruling => ({
  policyId,
  version,
  rule: terms.name,
  reason,
})

/** Without a model the request is asked about once. */
const modelsOf = ({ models }: Subject): readonly (string | undefined)[] =>
  models === undefined || models.length === 0 ? [undefined] : models

/** A call may be answered by each of its models, so each must be allowed. */
function deniedBy(subject: Subject, book: PolicyBook): Ruling | undefined {
  if (book.denies.size === 0 && book.allows.size === 0) return undefined
  for (const model of modelsOf(subject)) {
    const denying = first(subject, book.denies, model)
    if (denying) return rulingOf(denying, `denies ${whatOf(subject, model)}`)
    const list = allowList(subject, book.allows, model)
    if (list && !first(subject, book.allows, model))
      return rulingOf(list, `allows only others ${whatOf(subject, model)}`)
  }
  return undefined
}

const whatOf = ({ act, resource, role }: Subject, model: string | undefined): string =>
  `${act} of ${resource}${role === undefined ? '' : ` for ${role}`}` +
  (model === undefined ? '' : ` with ${model}`.slice(0, 200))

const isAbout = ({ actions }: ResourceAccess, { act }: Subject): boolean =>
  actions === undefined || actions.includes(act)

const isFor = ({ roles }: ResourceAccess, { role }: Subject): boolean =>
  roles === undefined || (role !== undefined && roles.includes(role))

/** The first rule that names resource, action, role, agent and model of the request. */
function first(
  subject: Subject,
  shelves: PolicyBook['denies'],
  model: string | undefined,
): Policy<ResourceAccess> | undefined {
  for (const resource of [subject.resource, EVERYTHING])
    for (const policy of concerning(shelves.get(resource), subject, model))
      if (isAbout(policy.terms, subject) && isFor(policy.terms, subject)) return policy
  return undefined
}

/**
 * A rule that allows somebody this resource and action: then all others may not. One about agents or
 * models says nothing of requests that concern none.
 */
function allowList(
  subject: Subject,
  shelves: PolicyBook['allows'],
  model: string | undefined,
): Policy<ResourceAccess> | undefined {
  for (const resource of [subject.resource, EVERYTHING]) {
    const found = shelves
      .get(resource)
      ?.all.find(
        ({ terms }) =>
          isAbout(terms, subject) &&
          (terms.agents === undefined || subject.agentId !== undefined) &&
          (terms.models === undefined || model !== undefined),
      )
    if (found) return found
  }
  return undefined
}

function outsideKey({ agentId, models }: Subject, key: Rules['key']): Ruling | undefined {
  if (!key) return undefined
  const { keyId: policyId, terms } = key
  const ruling = { policyId, version: 0, rule: 'key' }
  if (terms.agents && agentId !== undefined && !terms.agents.includes(agentId))
    return { ...ruling, reason: 'the key is bound to other agents' }
  const bound = terms.models
  if (bound && models?.some((model) => !bound.includes(model)))
    return { ...ruling, reason: 'the key is bound to other models' }
  return undefined
}

function outsidePlan({ agentId, sharedAgent }: Subject, plan: Rules['plan']): Ruling | undefined {
  if (!plan || agentId === undefined || sharedAgent !== true) return undefined
  const { agents } = plan.terms
  if (agents === 'all' || agents.includes(agentId)) return undefined
  const { planId: policyId, version } = plan
  return { policyId, version, rule: 'plan', reason: 'the plan does not include this agent' }
}

function limitsOf(subject: Subject, book: PolicyBook, limits: LimitToReserve[]): void {
  const [model] = modelsOf(subject)
  for (const policy of concerning(book.limits.get(subject.action), subject, model)) {
    const { measure, per, limit, burst, windowSeconds = DEFAULT_WINDOW_SECONDS } = policy.terms
    const whose = counted(subject, per)
    const units = measure === 'tokens' ? subject.expectedTokens : 1
    if (whose === undefined || units === undefined) continue
    limits.push({
      ruling: rulingOf(policy, sayLimit(measure, limit, windowSeconds, per)),
      key: `${policy.policyId}/${per}/${whose}`,
      measure,
      per,
      limit,
      windowSeconds,
      burst: measure === 'concurrency' ? undefined : burst,
      units,
    })
  }
}

const sayLimit = (
  measure: RateLimit['measure'],
  limit: number,
  windowSeconds: number,
  per: string,
): string =>
  measure === 'concurrency'
    ? `${limit} at once per ${per}`
    : `${limit} ${measure} in ${windowSeconds} s per ${per}`

/** Whom the counter is for; undefined where the request has no such. */
function counted(subject: Subject, per: RateLimit['per']): string | undefined {
  switch (per) {
    case 'user':
      return subject.userId
    // Two organizations may call their own end users the same.
    case 'end_user':
      return subject.endUser === undefined ? undefined : `${subject.orgId ?? ''}/${subject.endUser}`
    case 'key':
      return subject.keyId
    case 'agent':
      return subject.agentId
    case 'organization':
      return subject.orgId
    case 'ip':
      return subject.ip
    case 'address':
      return subject.address
  }
}

function budgetsOf(subject: Subject, book: PolicyBook, budgets: BudgetToKeep[]): void {
  if (subject.action !== 'invoke') return
  for (const policy of concerning(book.budgets, subject, undefined)) {
    const { amountNanos, period, per, hard, thresholds = [], agents } = policy.terms
    if (per === 'platform' || !isSpentFor(subject, per)) continue
    budgets.push({
      ruling: rulingOf(policy, `a budget per ${per} and ${period}`),
      per,
      period,
      amountNanos,
      hard,
      thresholds,
      ...(agents === undefined ? {} : { agents }),
    })
  }
}

function isSpentFor(subject: Subject, per: BudgetToKeep['per']): boolean {
  switch (per) {
    case 'organization':
      return subject.orgId !== undefined
    case 'user':
      return subject.userId !== undefined
    case 'end_user':
      return subject.endUser !== undefined
    case 'key':
      return subject.keyId !== undefined
    case 'agent':
      return subject.agentId !== undefined
  }
}

/** What is built in: so many a minute, or so many at once. */
function builtIn(
  { policyId, version, rule }: Omit<Ruling, 'reason'>,
  per: RateLimit['per'],
  whose: string,
  units: number | undefined,
): (name: string, measure: RateLimit['measure'], limit: number | undefined) => LimitToReserve[] {
  return (name, measure, limit) =>
    limit === undefined || (measure === 'tokens' && units === undefined)
      ? []
      : [
          {
            ruling: {
              policyId,
              version,
              rule,
              reason: sayLimit(measure, limit, DEFAULT_WINDOW_SECONDS, per),
            },
            key: `${policyId}/${name}/${whose}`,
            measure,
            per,
            limit,
            windowSeconds: DEFAULT_WINDOW_SECONDS,
            burst: undefined,
            units: measure === 'tokens' ? (units ?? 0) : 1,
          },
        ]
}

function planTerms(
  subject: Subject,
  plan: Rules['plan'],
  limits: LimitToReserve[],
  budgets: BudgetToKeep[],
): void {
  if (!plan || subject.orgId === undefined) return
  const { planId: policyId, version, terms } = plan
  const rule = { policyId, version, rule: 'plan' }
  const limit = builtIn(rule, 'organization', subject.orgId, undefined)
  limits.push(...limit('requests', 'requests', terms.limits.requestsPerMinute))
  if (subject.action !== 'invoke') return
  limits.push(
    ...limit('invocations', 'requests', terms.limits.invocationsPerMinute),
    ...limit('concurrency', 'concurrency', terms.limits.concurrentInvocations),
  )
  for (const { amountNanos, per: period, of: per } of terms.budgets ?? [])
    if (isSpentFor(subject, per))
      budgets.push({
        ruling: { ...rule, reason: `a budget per ${per} and ${period}` },
        per,
        period,
        amountNanos,
        hard: true,
        thresholds: [],
      })
}

function keyTerms(
  subject: Subject,
  key: Rules['key'],
  limits: LimitToReserve[],
  budgets: BudgetToKeep[],
): void {
  if (!key) return
  const { keyId, terms } = key
  const rule = { policyId: keyId, version: 0, rule: 'key' }
  const limit = builtIn(rule, 'key', keyId, subject.expectedTokens)
  limits.push(...limit('requests', 'requests', terms.limits?.requestsPerMinute))
  if (subject.action !== 'invoke') return
  limits.push(
    ...limit('tokens', 'tokens', terms.limits?.tokensPerMinute),
    ...limit('concurrency', 'concurrency', terms.limits?.concurrentInvocations),
  )
  if (terms.budget)
    budgets.push({
      ruling: { ...rule, reason: `a budget per key and ${terms.budget.per}` },
      per: 'key',
      period: terms.budget.per,
      amountNanos: terms.budget.amountNanos,
      hard: true,
      thresholds: [],
    })
}
