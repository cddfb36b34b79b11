/**
 * What would happen to a request, and why, without doing it: roles and scopes, then the same decision as
 * at the door, and how its limits and budgets stand. Takes nothing.
 */
import { account } from '../../domain/account/account.ts'
import { spentOf, subjectUnder } from '../../domain/account/budgets.ts'
import { decide } from '../../domain/policy/decide.ts'
import type { BudgetToKeep, LimitToReserve, Subject } from '../../domain/policy/decision.ts'
import type { Ruling } from '../../domain/policy/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type AccessRule, type Actor, authorize } from '../access.ts'
import type { Deps } from '../deps.ts'
import { subjectOf } from './admit-request.ts'
import { reservationsOf } from './limiter.ts'
import { modelsNamed, rulesFor } from './rules-for.ts'

export interface AccessQuestion {
  /** Whoever would ask; without a userId anybody of the role. */
  readonly actor: Actor
  readonly access: AccessRule
  readonly orgId: string | undefined
  readonly agentId?: string
  readonly sharedAgent?: boolean
  readonly models?: readonly string[]
  /** HMAC of the caller's own end user. */
  readonly endUser?: string
  readonly at: string
}

export interface CheckedLimit {
  readonly limit: LimitToReserve
  readonly remaining: number
}
export interface CheckedBudget {
  readonly budget: BudgetToKeep
  /** Of what it may spend; undefined where it is not known for whom. */
  readonly leftNanos: bigint | undefined
}

export interface AccessAnswer {
  /** limited: allowed, but a limit or a hard budget has no room now. */
  readonly effect: 'allow' | 'deny' | 'limited'
  /** The rule that denies, or every rule that is kept. */
  readonly rulings: readonly Ruling[]
  readonly limits: readonly CheckedLimit[]
  readonly budgets: readonly CheckedBudget[]
}

type CheckDeps = Pick<Deps, 'streams' | 'ids' | 'limits'>

export async function checkAccess(
  deps: CheckDeps,
  question: AccessQuestion,
): Promise<AccessAnswer> {
  const { actor, access, orgId, at } = question
  const role = roleRuling(actor, access)
  if (role) return { effect: 'deny', rulings: [role], limits: [], budgets: [] }
  const keyId = actor.kind === 'key' ? actor.keyId : undefined
  const rules = await rulesFor(deps, { orgId, keyId }, at)
  const limits: LimitToReserve[] = []
  const budgets: BudgetToKeep[] = []
  const { models: named } = question
  const models = named && (await modelsNamed(deps, named))
  const subject = { ...subjectFor(question), ...models }
  for (const action of access.limits) {
    const decision = decide({ ...subject, action }, rules)
    if (decision.effect === 'deny')
      return { effect: 'deny', rulings: [decision.ruling], limits: [], budgets: [] }
    limits.push(...decision.limits)
    budgets.push(...decision.budgets)
  }
  const checked = await standing(deps, limits)
  const left = await leftOf(deps, question, subject, budgets)
  const full =
    checked.some(({ remaining }) => remaining < 1) ||
    left.some(({ budget, leftNanos }) => budget.hard && leftNanos === 0n)
  return {
    effect: full ? 'limited' : 'allow',
    rulings: [...limits, ...budgets].map(({ ruling }) => ruling),
    limits: checked,
    budgets: left,
  }
}

function roleRuling(actor: Actor, access: AccessRule): Ruling | undefined {
  try {
    authorize(actor, access)
    return undefined
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { needed } = error.facts
    const reason = typeof needed === 'string' ? `needs ${needed}` : error.code
    return { policyId: 'role', version: 0, rule: actor.kind === 'key' ? 'scope' : 'role', reason }
  }
}

function subjectFor(question: AccessQuestion): Omit<Subject, 'action'> {
  const { actor, access, orgId, agentId, sharedAgent, models, endUser } = question
  const { userId, ...subject } = subjectOf(actor, access)
  return {
    ...subject,
    // Whoever is asked about as a role is nobody whom a counter knows.
    ...(userId === undefined || userId === '' ? {} : { userId }),
    ...(orgId === undefined ? {} : { orgId }),
    ...(agentId === undefined ? {} : { agentId }),
    ...(sharedAgent === undefined ? {} : { sharedAgent }),
    ...(models === undefined ? {} : { models }),
    ...(endUser === undefined ? {} : { endUser }),
    // Limits of tokens are shown; one token is the least that a call takes.
    expectedTokens: 1,
  }
}

async function standing(
  { limits: counters }: CheckDeps,
  limits: readonly LimitToReserve[],
): Promise<readonly CheckedLimit[]> {
  // Nobody holds anything by it: it is only looked at.
  const wanted = reservationsOf(limits, { holder: 'nobody', ttlMs: 1 })
  const remaining = await counters.peek(wanted.reservations)
  return limits.map((limit) => ({
    limit,
    // A burst is a second window of the same limit: the smaller rest counts.
    remaining: Math.min(
      ...remaining.filter((_rest, index) => wanted.limits[index] === limit),
      limit.limit,
    ),
  }))
}

async function leftOf(
  { streams }: CheckDeps,
  { orgId, at }: AccessQuestion,
  { userId, keyId, endUser, agentId = '' }: Omit<Subject, 'action'>,
  budgets: readonly BudgetToKeep[],
): Promise<readonly CheckedBudget[]> {
  if (budgets.length === 0 || orgId === undefined) return []
  const { state } = await streams.load(account, orgId)
  const spender = {
    agentId,
    ...(userId === undefined ? {} : { userId }),
    ...(keyId === undefined ? {} : { keyId }),
    ...(endUser === undefined ? {} : { endUser }),
  }
  return budgets.map((budget) => {
    const whose = subjectUnder(budget, spender)
    if (whose === undefined) return { budget, leftNanos: undefined }
    const { heldNanos, chargedNanos } = spentOf(state.budgets, budget, whose, at)
    const left = BigInt(budget.amountNanos) - heldNanos - chargedNanos
    return { budget, leftNanos: left > 0n ? left : 0n }
  })
}
