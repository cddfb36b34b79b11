/**
 * The seller's books: revenue, cost and margin by day, organization and model. Practice calls have sums
 * of their own, so that made-up answers never look like revenue.
 */
import { accountEvents } from '../domain/account/events.ts'
import { parseStreamName } from '../domain/decider.ts'
import { type Dimensions, invocationEvents } from '../domain/invocation/events.ts'
import { projection, type ProjectedEvent } from './projection.ts'
import {
  addNanos,
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

const events = { ...accountEvents, ...invocationEvents }

export interface PlatformTotals extends Totals {
  /** What the providers take. */
  readonly costNanos: string
}
export type PlatformSum = Sum & PlatformTotals
export const platformDimensions = ['day', 'organization', 'model'] as const
export type PlatformDimension = (typeof platformDimensions)[number]
/** A model that a correction does not name. */
export const UNKNOWN_MODEL = '(unknown)'

const scopeOf = (practice: boolean): string => (practice ? 'practice' : 'real')
const levelsOf = (dimension: string): readonly Level[] =>
  dimension === 'day' ? ['day'] : ['day', 'month']

function keysOf(orgId: string, of: Pick<Dimensions, 'practice' | 'model'>, at: string): string[] {
  const values: Readonly<Record<PlatformDimension, string>> = {
    day: at.slice(0, 10),
    organization: orgId,
    model: of.model,
  }
  return platformDimensions.flatMap((dimension) =>
    sumKeys(
      { scope: scopeOf(of.practice), dimension, value: values[dimension] },
      at,
      levelsOf(dimension),
    ),
  )
}

export const noPlatformTotals: PlatformTotals = { ...noTotals, costNanos: '0' }
export const addPlatformTotals = (a: PlatformTotals, b: PlatformTotals): PlatformTotals => ({
  ...addTotals(a, b),
  costNanos: addNanos(a.costNanos, b.costNanos),
})

const sumOf = (
  view: PlatformSum | undefined,
  key: string,
  totals: PlatformTotals,
): PlatformSum => ({
  ...parseSumKey(key),
  ...addPlatformTotals(view ?? noPlatformTotals, totals),
})

const ended = {
  keys: ({ data }: ProjectedEvent<Partial<EndData> & { orgId: string }>) =>
    data.of && keysOf(data.orgId, data.of, data.of.acceptedAt),
  project(view: PlatformSum | undefined, { type, data }: ProjectedEvent<unknown>, key: string) {
    // `keys` has let through only ends of calls that were accepted.
    const end = data as EndData
    const costNanos = end.settlement.kind === 'settle' ? end.settlement.costNanos : '0'
    return sumOf(view, key, { ...endTotals(type as 'InvocationCompleted', end), costNanos })
  },
}

export const platformSummary = projection<PlatformSum, typeof events>(events, {
  name: 'platform-summary',
  version: 1,
  indexes: sumIndexes,
  on: {
    InvocationCompleted: ended,
    InvocationFailed: ended,
    InvocationCanceled: ended,
    ChargeAdjusted: {
      keys: ({ data, stream }) =>
        keysOf(
          parseStreamName(stream).id,
          data.of ?? { practice: false, model: UNKNOWN_MODEL },
          data.at,
        ),
      project: (view, { data }, key) =>
        sumOf(view, key, { ...adjustmentTotals(data), costNanos: '0' }),
    },
  },
})

/** The books of a range of days (`to` exclusive) by value. */
export const summarizePlatform = (
  views: Views,
  query: { practice: boolean; dimension: PlatformDimension; from: string; to: string },
): Promise<Groups<PlatformTotals>> =>
  readGroups(
    views,
    platformSummary,
    {
      scope: scopeOf(query.practice),
      dimension: query.dimension,
      from: query.from,
      to: query.to,
      levels: levelsOf(query.dimension),
    },
    (a: PlatformTotals | undefined, sum: PlatformSum) =>
      addPlatformTotals(a ?? noPlatformTotals, sum),
  )

/** charge − corrections in the buyer's favour. */
export const revenueOf = (totals: Totals): bigint =>
  BigInt(totals.chargeNanos) - BigInt(totals.adjustedNanos)
export const marginOf = (totals: PlatformTotals): bigint =>
  revenueOf(totals) - BigInt(totals.costNanos)
