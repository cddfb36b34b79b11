/** A policy as HTTP shows it: the same names as in the bodies that make one. */
import { z } from 'zod'
import { idSchema } from '../domain/ids.ts'
import {
  budget,
  policyOwner,
  type PolicyTerms,
  rateLimit,
  resourceAccess,
} from '../domain/policy/events.ts'
import type { PolicyRecord, PolicyVersion } from '../domain/policy/policy-set.ts'
import { moneyOf, moneySchema, timeSchema } from './schemas.ts'

const limit = rateLimit.shape
const access = resourceAccess.shape
const spend = budget.shape
const DEFAULT_WINDOW_SECONDS = 60
/** The newest of them; any one is read with `?version=`. */
const MAX_VERSIONS = 100

const common = {
  id: idSchema('policy'),
  owner: policyOwner.meta({
    description: '`platform`: it binds every organization; only an administrator changes it.',
  }),
  version: z.int(),
  enabled: z.boolean(),
  built_in: z.boolean().meta({ description: 'The platform began with it.' }),
  created_at: z.nullable(timeSchema).meta({ description: 'null: the platform began with it.' }),
  changed_at: z.nullable(timeSchema),
}
const shapes = [
  {
    kind: limit.kind,
    name: limit.name,
    on: limit.on,
    measure: limit.measure,
    per: limit.per,
    limit: limit.limit,
    window_seconds: limit.windowSeconds,
    burst: limit.burst,
    agents: limit.agents,
    models: limit.models,
  },
  {
    kind: access.kind,
    name: access.name,
    effect: access.effect,
    roles: access.roles,
    resources: access.resources,
    actions: access.actions,
    agents: access.agents,
    models: access.models,
  },
  {
    kind: spend.kind,
    name: spend.name,
    amount: moneySchema,
    period: spend.period,
    per: spend.per,
    hard: spend.hard,
    thresholds: z.array(z.int()),
    agents: spend.agents,
  },
] as const

const [limitShape, accessShape, budgetShape] = shapes
export const policySchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ ...common, ...limitShape }),
    z.strictObject({ ...common, ...accessShape }),
    z.strictObject({ ...common, ...budgetShape }),
  ])
  .meta({ id: 'Policy' })

const versions = {
  versions: z
    .array(
      z.strictObject({
        version: z.int(),
        enabled: z.boolean(),
        at: z.nullable(timeSchema).meta({ description: 'null: the platform began with it.' }),
      }),
    )
    .meta({ description: `Newest first, at most ${MAX_VERSIONS}; \`?version=\` reads any.` }),
}
export const policyWithVersionsSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ ...common, ...limitShape, ...versions }),
    z.strictObject({ ...common, ...accessShape, ...versions }),
    z.strictObject({ ...common, ...budgetShape, ...versions }),
  ])
  .meta({ id: 'PolicyWithVersions' })

export const showPolicy = (policy: PolicyRecord): z.output<typeof policySchema> => ({
  id: policy.policyId,
  owner: policy.owner,
  version: policy.version,
  enabled: policy.enabled,
  built_in: policy.createdAt === undefined,
  created_at: policy.createdAt ?? null,
  changed_at: policy.changedAt ?? null,
  ...showTerms(policy.terms),
})

function showTerms(terms: PolicyTerms) {
  switch (terms.kind) {
    case 'rate_limit': {
      const { windowSeconds, ...rest } = terms
      if (terms.measure === 'concurrency') return rest
      return { ...rest, window_seconds: windowSeconds ?? DEFAULT_WINDOW_SECONDS }
    }
    case 'resource_access':
      return terms
    case 'budget': {
      const { amountNanos, thresholds = [], ...rest } = terms
      return { ...rest, amount: moneyOf(amountNanos), thresholds: [...thresholds] }
    }
  }
}

/** One version, and which others there are. */
export function showVersion(
  policy: PolicyRecord,
  shown: PolicyVersion | undefined,
  all: readonly PolicyVersion[],
): z.output<typeof policyWithVersionsSchema> {
  const then = shown && {
    version: shown.version,
    enabled: shown.enabled,
    changed_at: shown.at ?? null,
    ...showTerms(shown.terms),
  }
  return {
    ...showPolicy(policy),
    ...then,
    versions: all
      .slice(-MAX_VERSIONS)
      .toReversed()
      .map(({ version, enabled, at }) => ({ version, enabled, at: at ?? null })),
  } as z.output<typeof policyWithVersionsSchema>
}
