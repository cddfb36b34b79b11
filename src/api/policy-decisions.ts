/**
 * What the rules would say to a request, without making it, and what they have refused. An organization
 * asks about itself; an administrator about the platform or any organization.
 */
import { z } from 'zod'
import { type AccessRule, type Actor } from '../commands/access.ts'
import {
  type AccessAnswer,
  checkAccess,
  type CheckedBudget,
  type CheckedLimit,
} from '../commands/admission/check-access.ts'
import { apiKeyFor } from '../commands/api-key/find-api-key.ts'
import type { Deps } from '../commands/deps.ts'
import { agent } from '../domain/agent/agent.ts'
import { idSchema } from '../domain/ids.ts'
import { modelName } from '../domain/model/events.ts'
import { organization } from '../domain/organization/organization.ts'
import {
  budgetDimensions,
  budgetPeriods,
  limitDimensions,
  rateLimit,
  type Ruling,
} from '../domain/policy/events.ts'
import { Refusal } from '../domain/refusal.ts'
import { type Denial, denials } from '../projections/denials.ts'
import { organizationOf } from './actor.ts'
import { Problem } from './errors.ts'
import { filteredPage, listPage, pageOf, pageQuery } from './pages.ts'
import { type AnyRoute, route } from './route.ts'
import { bounds, defined, moneyOf, moneySchema, rangeQuery, timeSchema } from './schemas.ts'

type DecisionDeps = Pick<Deps, 'streams' | 'ids' | 'limits' | 'views' | 'sealer' | 'clock'>
/** Every route of the door, by which words of a resource and an action are known. */
type Declared = () => readonly Pick<AnyRoute, 'access'>[]

const word = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'a lower-case word')
const ruled = {
  policy_id: z
    .string()
    .meta({ description: 'Of the policy, plan or key; `role` where it is none.' }),
  version: z.int(),
  rule: z.string(),
  reason: z.string(),
}

const checkBody = z.strictObject({
  action: word.meta({ description: 'As policies name it: `invoke`, `create`, `list` …' }),
  resource: z.exactOptional(word).meta({ description: 'Needed where several have the action.' }),
  agent_id: z.exactOptional(idSchema('agent')),
  model: z.exactOptional(modelName),
  user_id: z.exactOptional(idSchema('user')).meta({ description: 'A member; you, if left out.' }),
  key_id: z.exactOptional(idSchema('apiKey')),
  role: z
    .exactOptional(z.enum(['owner', 'admin', 'member', 'auditor']))
    .meta({ description: 'Anybody of this role, instead of a member.' }),
  end_user: z.exactOptional(z.string().min(1).max(256)),
})
type CheckBody = z.output<typeof checkBody>
const adminCheckBody = checkBody.extend({ organization_id: idSchema('organization') })

const checkSchema = z
  .strictObject({
    effect: z.enum(['allow', 'deny', 'limited']).meta({
      description: 'limited: allowed, but a limit or a hard budget has no room now.',
    }),
    rulings: z.array(z.strictObject(ruled)),
    limits: z.array(
      z.strictObject({
        ...ruled,
        measure: rateLimit.shape.measure,
        per: z.enum(limitDimensions),
        limit: z.int(),
        window_seconds: z.exactOptional(z.int()),
        burst: z.exactOptional(z.int()),
        remaining: z.int(),
      }),
    ),
    budgets: z.array(
      z.strictObject({
        ...ruled,
        per: z.enum(budgetDimensions),
        period: z.enum(budgetPeriods),
        hard: z.boolean(),
        amount: moneySchema,
        left: z.exactOptional(moneySchema),
      }),
    ),
  })
  .meta({ id: 'PolicyCheck' })

const showRuling = ({ policyId, version, rule, reason }: Ruling) => ({
  policy_id: policyId,
  version,
  rule,
  reason,
})

const showLimit = ({ limit, remaining }: CheckedLimit) => ({
  ...showRuling(limit.ruling),
  measure: limit.measure,
  per: limit.per,
  limit: limit.limit,
  ...(limit.measure === 'concurrency' ? {} : { window_seconds: limit.windowSeconds }),
  ...defined({ burst: limit.burst }),
  remaining,
})

const showBudget = ({ budget, leftNanos }: CheckedBudget) => ({
  ...showRuling(budget.ruling),
  per: budget.per,
  period: budget.period,
  hard: budget.hard,
  amount: moneyOf(budget.amountNanos),
  ...(leftNanos === undefined ? {} : { left: moneyOf(leftNanos) }),
})

const showCheck = ({ effect, rulings, limits, budgets }: AccessAnswer) => ({
  effect,
  rulings: rulings.map(showRuling),
  limits: limits.map(showLimit),
  budgets: budgets.map(showBudget),
})

const described =
  'Takes nothing and writes nothing. Roles and scopes come first, then policies, the key, the plan; ' +
  'each limit says what is left of it. Credit and the agent’s own rules are not looked at.'

export const policyDecisionRoutes = (deps: DecisionDeps, declared: Declared): AnyRoute[] => [
  route({
    method: 'POST',
    path: '/policies/check',
    tag: 'policies',
    summary: 'What would happen to a request, and why',
    description: described,
    access: {
      actor: 'user',
      role: 'admin',
      resource: 'policy',
      action: 'check',
      limits: ['request'],
    },
    body: checkBody,
    answers: { 200: { description: 'The decision.', schema: checkSchema } },
    problems: ['member_not_found', 'api_key_not_found', 'agent_not_found'],
    handler: async ({ actor, body }) => ({
      body: showCheck(await check(deps, declared, organizationOf(actor), actor, body)),
    }),
  }),
  denialsRoute(deps, {
    path: '/policies/denials',
    tag: 'policies',
    access: {
      actor: 'user',
      role: 'auditor',
      wholeOrganization: true,
      resource: 'policy',
      action: 'denials',
      limits: ['request'],
    },
  }),
]

export const adminPolicyDecisionRoutes = (deps: DecisionDeps, declared: Declared): AnyRoute[] => [
  route({
    method: 'POST',
    path: '/admin/policies/check',
    tag: 'admin',
    summary: 'What would happen to a request of an organization, and why',
    description: described,
    access: { actor: 'administrator', resource: 'policy', action: 'check', limits: ['request'] },
    body: adminCheckBody,
    answers: { 200: { description: 'The decision.', schema: checkSchema } },
    problems: [
      'organization_not_found',
      'member_not_found',
      'api_key_not_found',
      'agent_not_found',
    ],
    async handler({ actor, body }) {
      const { organization_id: orgId, ...question } = body
      const { state } = await deps.streams.load(organization, orgId)
      if (!state) throw new Refusal('organization_not_found')
      return { body: showCheck(await check(deps, declared, orgId, actor, question)) }
    },
  }),
  denialsRoute(deps, {
    path: '/admin/policies/denials',
    tag: 'admin',
    access: { actor: 'administrator', resource: 'policy', action: 'denials', limits: ['request'] },
  }),
]

async function check(
  deps: DecisionDeps,
  declared: Declared,
  orgId: string,
  asker: Actor,
  body: CheckBody,
): Promise<AccessAnswer> {
  const { agent_id: agentId, model, end_user: endUser } = body
  const sharedAgent = agentId === undefined ? undefined : await isShared(deps, orgId, agentId)
  return checkAccess(deps, {
    actor: await askedAbout(deps, orgId, asker, body),
    access: accessOf(declared(), body),
    orgId,
    ...(agentId === undefined ? {} : { agentId }),
    ...(sharedAgent === undefined ? {} : { sharedAgent }),
    ...(model === undefined ? {} : { models: [model] }),
    ...(endUser === undefined ? {} : { endUser: deps.sealer.hmac('endUser', endUser) }),
    at: deps.clock.now().toISOString(),
  })
}

/** Rules of a route by the words that policies know it by. */
function accessOf(
  routes: readonly Pick<AnyRoute, 'access'>[],
  { action, resource }: CheckBody,
): AccessRule {
  const found = routes.filter(
    ({ access }) =>
      access.action === action &&
      access.actor !== 'anyone' &&
      (resource === undefined || access.resource === resource),
  )
  const [first] = found
  const resources = new Set(found.map(({ access }) => access.resource))
  if (!first)
    throw new Problem('invalid_input', {}, [
      { path: 'body.action', message: 'an action that a route declares' },
    ])
  if (resources.size > 1)
    throw new Problem('invalid_input', {}, [
      { path: 'body.resource', message: 'which one: several have this action' },
    ])
  // Where an administrator has a route of the same name, the organization's is meant.
  return (found.find(({ access }) => access.actor === 'user') ?? first).access
}

/** @throws Refusal agent_not_found, also for another organization's. */
async function isShared(
  { streams }: DecisionDeps,
  orgId: string,
  agentId: string,
): Promise<boolean> {
  const { state } = await streams.load(agent, agentId)
  if (state?.owner !== 'platform' && state?.owner !== orgId) throw new Refusal('agent_not_found')
  return state.owner === 'platform'
}

async function askedAbout(
  deps: DecisionDeps,
  orgId: string,
  asker: Actor,
  { user_id: userId, key_id: keyId, role }: CheckBody,
): Promise<Actor> {
  const { locale } = asker
  if (keyId !== undefined) {
    const { key } = await apiKeyFor(deps, orgId, keyId)
    const { scopes, agents, models } = key.terms
    return {
      kind: 'key',
      keyId,
      orgId,
      scopes,
      ...(agents ? { agents } : {}),
      ...(models ? { models } : {}),
      locale,
    }
  }
  const person = { kind: 'user', sessionId: '', locale, administrator: false, orgId } as const
  if (role !== undefined) return { ...person, userId: userId ?? '', role }
  const wanted = userId ?? (asker.kind === 'user' ? asker.userId : '')
  const { state } = await deps.streams.load(organization, orgId)
  const own = state?.members.get(wanted)
  if (own === undefined) throw new Refusal('member_not_found')
  return { ...person, userId: wanted, role: own }
}

const denialSchema = z
  .strictObject({
    at: timeSchema,
    last_at: timeSchema,
    times: z.int().meta({ description: 'The same refusal so often within a second or so.' }),
    code: z.string(),
    ...ruled,
    endpoint: z.string().meta({ description: "The route's pattern, never the address." }),
    method: z.string(),
    resource: z.string(),
    action: z.string(),
    dimension: z.exactOptional(z.enum(limitDimensions)),
    user_id: z.exactOptional(z.string()),
    key_id: z.exactOptional(z.string()),
    organization_id: z.exactOptional(z.string()),
  })
  .meta({ id: 'Denial' })

const showDenial = (one: Denial) => ({
  at: one.at,
  last_at: one.lastAt,
  times: one.times,
  code: one.code,
  ...showRuling(one),
  endpoint: one.route,
  method: one.method,
  resource: one.resource,
  action: one.action,
  ...defined({
    dimension: one.dimension,
    user_id: one.userId,
    key_id: one.keyId,
    organization_id: one.orgId,
  }),
})

const denialsQuery = z.strictObject({
  ...pageQuery,
  ...rangeQuery,
  policy_id: z.exactOptional(z.string().min(1).max(64)),
  user_id: z.exactOptional(idSchema('user')),
  key_id: z.exactOptional(idSchema('apiKey')),
})
type DenialsQuery = z.output<typeof denialsQuery>

const denialsRoute = (
  { views, sealer }: DecisionDeps,
  { path, tag, access }: Pick<AnyRoute, 'path' | 'tag' | 'access'>,
): AnyRoute =>
  route({
    method: 'GET',
    path,
    tag,
    summary: 'What was refused by a role, a policy, a limit or a budget, newest first',
    description:
      'The same refusal of the same caller within a second or so is one entry with `times`. A page may ' +
      'be shorter than `limit` and still have a next one.',
    access,
    query: denialsQuery,
    answers: { 200: { description: 'A page of refusals.', schema: pageOf(denialSchema) } },
    reads: true,
    async handler({ actor, query }) {
      const orgId = access.actor === 'administrator' ? undefined : organizationOf(actor)
      const { policy_id: policyId, user_id: userId, key_id: keyId, from, to } = query
      const keep = (one: Denial) =>
        (policyId === undefined || one.policyId === policyId) &&
        (userId === undefined || one.userId === userId) &&
        (keyId === undefined || one.keyId === keyId)
      return {
        body: await listPage(
          { sealer },
          ['denials', orgId, policyId, userId, keyId, from, to],
          query,
          (place) =>
            filteredPage(
              (page) =>
                views.find(denials, {
                  ...indexFor(orgId, query),
                  ...bounds(query),
                  ...page,
                  descending: true,
                }),
              place,
              keep,
            ),
          showDenial,
        ),
      }
    },
  })

function indexFor(orgId: string | undefined, query: DenialsQuery) {
  const { policy_id: policyId, user_id: userId, key_id: keyId } = query
  if (orgId === undefined)
    return policyId === undefined
      ? { index: 'all', equals: { all: 1 } }
      : { index: 'allOfPolicy', equals: { policyId } }
  if (userId !== undefined) return { index: 'person', equals: { orgId, userId } }
  if (keyId !== undefined) return { index: 'apiKey', equals: { orgId, keyId } }
  if (policyId !== undefined) return { index: 'policy', equals: { orgId, policyId } }
  return { index: 'org', equals: { orgId } }
}
