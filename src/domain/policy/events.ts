/**
 * Who may do what, how often, and for how much: the stored contract of policies. All policies of one owner
 * (the platform, or one organization) are one stream, so that a decision reads two streams whose folds
 * are at hand, and a changed policy bites with the next request.
 */
import { z } from 'zod'
import { agentOwner } from '../agent/events.ts'
import { event, type EventsOf } from '../event.ts'
import { idField, idSchema, instant } from '../ids.ts'
import { modelName } from '../model/events.ts'
import { nanosText } from '../money.ts'
import { clear } from '../personal.ts'

/** What is limited. `request` is everything that has no name of its own here. */
export const limitedActions = [
  'login',
  'registration',
  'password_reset',
  'invoke',
  'webhook',
  'request',
] as const
export const limitedAction = z.enum(limitedActions)
export type LimitedAction = z.output<typeof limitedAction>

/** Whom a rate limit counts for. `address`: the e-mail address that the request names. */
export const limitDimensions = [
  'user',
  'end_user',
  'key',
  'agent',
  'organization',
  'ip',
  'address',
] as const
/** Whom a budget counts for; `platform` only in a policy of the platform. */
export const budgetDimensions = [
  'user',
  'end_user',
  'key',
  'agent',
  'organization',
  'platform',
] as const
export const budgetPeriods = ['day', 'month'] as const
/** A budget for these agents alone names no more of them than a hold may carry. */
const MAX_BUDGET_AGENTS = 50

const count = z.int().positive().max(1_000_000_000)
const policyName = z.string().trim().min(1).max(120)
const word = z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'a lower-case word')
const agents = z.exactOptional(z.array(idSchema('agent')).min(1).max(1_000))
const models = z.exactOptional(z.array(modelName).min(1).max(1_000))

export const rateLimit = z.strictObject({
  kind: z.literal('rate_limit'),
  name: policyName,
  on: limitedAction,
  measure: z.enum(['requests', 'tokens', 'concurrency']),
  per: z.enum(limitDimensions),
  /** So many in any window; of concurrency so many at once. */
  limit: count,
  /** Of requests and tokens. 60 where left out. */
  windowSeconds: z.exactOptional(z.int().positive().max(86_400)),
  /** So many of them may come within any tenth of the window; all of them where left out. */
  burst: z.exactOptional(count),
  agents,
  models,
})

export const resourceAccess = z.strictObject({
  kind: z.literal('resource_access'),
  name: policyName,
  effect: z.enum(['allow', 'deny']),
  /** Everyone where left out. `key`: whoever comes with an API key. */
  roles: z.exactOptional(
    z
      .array(z.enum(['owner', 'admin', 'member', 'auditor', 'key']))
      .min(1)
      .max(5),
  ),
  /** As routes declare them; every one where left out. */
  resources: z.exactOptional(z.array(word).min(1).max(50)),
  actions: z.exactOptional(z.array(word).min(1).max(50)),
  agents,
  models,
})

export const budget = z
  .strictObject({
    kind: z.literal('budget'),
    name: policyName,
    amountNanos: nanosText.refine((text) => !text.startsWith('-') && text !== '0', 'above nothing'),
    /** Calendar periods of UTC. */
    period: z.enum(budgetPeriods),
    per: z.enum(budgetDimensions),
    /** false: nothing is refused, only the thresholds are told. */
    hard: z.boolean(),
    /** Percent of the amount, each told once a period. */
    thresholds: z.exactOptional(z.array(z.int().min(1).max(1_000)).max(10)),
    /** Only calls of these count. The account knows what each agent spent, not what each for whom. */
    agents: z.exactOptional(z.array(idSchema('agent')).min(1).max(MAX_BUDGET_AGENTS)),
  })
  .refine(
    ({ agents: only, per }) => only === undefined || per === 'organization' || per === 'agent',
    {
      path: ['agents'],
      error: 'only in a budget per organization or per agent',
    },
  )

export const policyTerms = z.discriminatedUnion('kind', [rateLimit, resourceAccess, budget])
export type PolicyTerms = z.output<typeof policyTerms>
export type RateLimit = z.output<typeof rateLimit>
export type ResourceAccess = z.output<typeof resourceAccess>
export type Budget = z.output<typeof budget>

/** The stream's id. */
export const policyOwner = agentOwner
export type PolicyOwner = z.output<typeof policyOwner>

const version = clear(z.int().positive())
const stated = {
  policyId: idField('policy'),
  owner: clear(policyOwner),
  version,
  terms: clear(policyTerms),
  at: instant,
}
export const policyEvents = {
  PolicyCreated: event('A policy binds from now on.', stated),
  PolicyChanged: event(
    'The policy binds under other terms from now on; it binds again if it did not.',
    stated,
  ),
  PolicyDisabled: event('The policy binds nobody any more.', {
    policyId: idField('policy'),
    owner: clear(policyOwner),
    version,
    at: instant,
  }),
}
export type PolicyEvent = EventsOf<typeof policyEvents>

/** A decision as a call or a denial keeps it: which rule of which version said what. */
export const ruling = z.strictObject({
  policyId: z.string().min(1).max(64),
  version: z.int().nonnegative(),
  /** The policy's name at that version, or what built it in: `plan`, `role`, `scope`. */
  rule: z.string().min(1).max(120),
  reason: z.string().min(1).max(300),
})
export type Ruling = z.output<typeof ruling>
