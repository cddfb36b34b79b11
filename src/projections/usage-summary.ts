/**
 * What an organization's calls add up to, by person, end user, key, agent, model, tag or day. The
 * customer's money only: what a call costs the seller is in platform-summary.ts and never here. What one
 * person's calls add up to is read from own-usage.ts.
 */
import { accountEvents } from '../domain/account/events.ts'
import { parseStreamName } from '../domain/decider.ts'
import { type Dimensions, invocationEvents } from '../domain/invocation/events.ts'
import { projection, type ProjectedEvent } from './projection.ts'
import {
  addTotals,
  adjustmentTotals,
  type EndData,
  endTotals,
  type Groups,
  type Level,
  noTotals,
  parseSumKey,
  readGroups,
  type Sum,
  sumIndexes,
  sumKeys,
  type Totals,
} from './usage-totals.ts'
import type { Views } from './views.ts'

/** Tags of one call that are grouped by: the first of them in order of name. */
const MAX_TAGS = 10
const events = { ...accountEvents, ...invocationEvents }

const DAYS: readonly Level[] = ['day']
const DAYS_AND_MONTHS: readonly Level[] = ['day', 'month']
const levelsOf = (dimension: string): readonly Level[] =>
  dimension === 'day' ? DAYS : DAYS_AND_MONTHS

/** What a call is grouped by: dimension and value. */
export function groupsOf(
  of: Omit<Dimensions, 'acceptedAt' | 'practice' | 'agentVersion'>,
  at: string,
): [string, string][] {
  const groups: [string, string | undefined][] = [
    ['day', at.slice(0, 10)],
    ['user', of.userId],
    ['key', of.keyId],
    ['end_user', of.endUser],
    ['agent', of.agentId],
    ['model', of.model],
    ...Object.keys(of.metadata)
      .sort()
      .slice(0, MAX_TAGS)
      .map((tag): [string, string | undefined] => [`metadata.${tag}`, of.metadata[tag]]),
  ]
  return groups.filter((group): group is [string, string] => group[1] !== undefined)
}

const keysOf = (orgId: string, of: Dimensions, at: string): string[] =>
  groupsOf(of, at).flatMap(([dimension, value]) =>
    sumKeys({ scope: orgId, dimension, value }, at, levelsOf(dimension)),
  )

const sumOf = (view: Sum | undefined, key: string, totals: Totals): Sum => ({
  ...parseSumKey(key),
  ...addTotals(view ?? noTotals, totals),
})

const ended = {
  // A call that was never accepted is nobody's usage.
  keys: ({ data }: ProjectedEvent<Partial<EndData> & { orgId: string }>) =>
    data.of && keysOf(data.orgId, data.of, data.of.acceptedAt),
  project: (view: Sum | undefined, { type, data }: ProjectedEvent<unknown>, key: string): Sum =>
    // `keys` has let through only ends of calls that were accepted.
    sumOf(view, key, endTotals(type as 'InvocationCompleted', data as EndData)),
}

export const usageSummary = projection<Sum, typeof events>(events, {
  name: 'usage-summary',
  version: 1,
  indexes: sumIndexes,
  on: {
    InvocationCompleted: ended,
    InvocationFailed: ended,
    InvocationCanceled: ended,
    ChargeAdjusted: {
      keys: ({ data, stream }) => {
        const orgId = parseStreamName(stream).id
        return data.of
          ? keysOf(orgId, data.of, data.at)
          : sumKeys({ scope: orgId, dimension: 'day', value: data.at.slice(0, 10) }, data.at, DAYS)
      },
      project: (view, { data }, key) => sumOf(view, key, adjustmentTotals(data)),
    },
  },
})

export interface SummaryQuery {
  readonly orgId: string
  /** user, end_user, key, agent, model, day or metadata.x. */
  readonly dimension: string
  /** Days, `to` exclusive. */
  readonly from: string
  readonly to: string
}

export const summarize = (
  views: Views,
  { orgId, dimension, from, to }: SummaryQuery,
): Promise<Groups<Totals>> =>
  readGroups(
    views,
    usageSummary,
    { scope: orgId, dimension, from, to, levels: levelsOf(dimension) },
    (a: Totals | undefined, sum: Sum): Totals => (a ? addTotals(a, sum) : sum),
  )

/** Everything of the range, however it is grouped. */
export async function totalOf(
  views: Views,
  query: Omit<SummaryQuery, 'dimension'>,
): Promise<Totals> {
  const { groups } = await summarize(views, { ...query, dimension: 'day' })
  return [...groups.values()].reduce(addTotals, noTotals)
}
