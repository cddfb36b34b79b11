/**
 * A policy as people write it: the body of POST /policies, and of PATCH, where every field may be left
 * out and null takes one away. Amounts are decimals in USD.
 */
import { z } from 'zod'
import { budget, type PolicyTerms, rateLimit, resourceAccess } from '../../domain/policy/events.ts'
import { termsFrom } from '../../domain/policy/terms.ts'
import { amountBody } from '../amount.ts'

const limit = rateLimit.shape
const access = resourceAccess.shape
const spend = budget.shape

const limitFields = {
  name: limit.name.meta({ description: 'For people; stands in refusals.' }),
  on: limit.on.meta({ description: '`request`: whatever has no name of its own here.' }),
  measure: limit.measure,
  per: limit.per,
  limit: limit.limit.meta({ description: 'So many in any window; of concurrency, at once.' }),
  window_seconds: limit.windowSeconds.meta({ description: '60 where absent.' }),
  burst: limit.burst.meta({ description: 'So many of them within any tenth of the window.' }),
  agents: limit.agents,
  models: limit.models,
}
const accessFields = {
  name: access.name,
  effect: access.effect.meta({ description: 'Deny wins. An organization can only deny.' }),
  roles: access.roles.meta({ description: 'Everyone where absent. `key`: API keys.' }),
  resources: access.resources.meta({ description: 'As `x-access` of a route names it.' }),
  actions: access.actions,
  agents: access.agents,
  models: access.models,
}
const budgetFields = {
  name: spend.name,
  amount: amountBody,
  period: spend.period.meta({ description: 'Of UTC.' }),
  per: spend.per.meta({ description: '`platform`: only for the platform.' }),
  hard: spend.hard.meta({ description: 'false: nothing is refused, only thresholds are told.' }),
  thresholds: spend.thresholds.meta({ description: 'Percent of the amount, each told once.' }),
  agents: spend.agents,
}

export const policyBody = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('rate_limit'), ...limitFields }),
  z.strictObject({ kind: z.literal('resource_access'), ...accessFields }),
  z.strictObject({ kind: z.literal('budget'), ...budgetFields }),
])
export type PolicyBody = z.output<typeof policyBody>

/** Left out: as it is. */
const kept = <S extends z.ZodType>(schema: S) => z.exactOptional(schema)
/** null: taken away. */
const removable = <S extends z.ZodType>(schema: S) => z.exactOptional(z.nullable(schema))

export const policyChangesBody = z
  .strictObject({
    name: kept(limit.name),
    enabled: kept(z.boolean()),
    on: kept(limit.on),
    measure: kept(limit.measure),
    per: kept(z.union([limit.per, spend.per])),
    limit: kept(limit.limit),
    window_seconds: removable(limit.windowSeconds.unwrap()),
    burst: removable(limit.burst.unwrap()),
    effect: kept(access.effect),
    roles: removable(access.roles.unwrap()),
    resources: removable(access.resources.unwrap()),
    actions: removable(access.actions.unwrap()),
    amount: kept(amountBody),
    period: kept(spend.period),
    hard: kept(spend.hard),
    thresholds: removable(spend.thresholds.unwrap()),
    agents: removable(limit.agents.unwrap()),
    models: removable(limit.models.unwrap()),
  })
  .refine((body) => Object.keys(body).length > 0, 'nothing to change')
export type PolicyChangesBody = z.output<typeof policyChangesBody>

const inDomain: Readonly<Record<string, string>> = {
  window_seconds: 'windowSeconds',
  amount: 'amountNanos',
}
const renamed = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [inDomain[name] ?? name, value]))

/** The terms as the domain knows them. @throws Refusal policy_invalid */
export const termsOf = (body: PolicyBody): PolicyTerms => termsFrom(renamed(body))

export function changesOf(body: PolicyChangesBody): {
  changes: Record<string, unknown>
  enabled?: boolean
} {
  const { enabled, ...fields } = body
  return { changes: renamed(fields), ...(enabled !== undefined && { enabled }) }
}
