/**
 * What ended calls add up to, in any grouping: one sum for each (scope, dimension, value, period), kept
 * by day and by month, so that a summary reads a few sums instead of a million calls. A call counts on
 * the day it was accepted, a correction on its own day. Amounts are nano-USD in text.
 */
import type { AccountData } from '../domain/account/events.ts'
import type { Dimensions, Terminal } from '../domain/invocation/events.ts'
import type { TokenQuantities } from '../domain/money.ts'
import type { Projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export interface Totals {
  readonly calls: number
  readonly completed: number
  readonly failed: number
  readonly canceled: number
  /** Answered by the built-in practice model. */
  readonly practice: number
  /** The provider was called and nobody knows what it counted: never taken for zero. */
  readonly unknown: number
  readonly quantities: Readonly<TokenQuantities>
  readonly chargeNanos: string
  readonly waivedNanos: string
  readonly uncollectedNanos: string
  /** Corrections: positive in the buyer's favour. */
  readonly adjustedNanos: string
}

/** A sum as it is stored. */
export interface Sum extends Totals {
  readonly scope: string
  readonly dimension: string
  readonly value: string
  readonly level: Level
  /** `2026-11-23` or `2026-11`. */
  readonly period: string
}
export type Level = 'day' | 'month'

export const sumIndexes = {
  group: { equals: ['scope', 'dimension', 'level'], orderBy: 'period' },
} as const

export const noTotals: Totals = {
  calls: 0,
  completed: 0,
  failed: 0,
  canceled: 0,
  practice: 0,
  unknown: 0,
  quantities: { input_uncached: 0, input_cached: 0, output: 0, reasoning: 0 },
  chargeNanos: '0',
  waivedNanos: '0',
  uncollectedNanos: '0',
  adjustedNanos: '0',
}

export function addNanos(a: string, b: string): string {
  // Most amounts are nothing, and a summary adds thousands of them.
  if (b === '0') return a
  if (a === '0') return b
  return (BigInt(a) + BigInt(b)).toString()
}

const ends = {
  InvocationCompleted: 'completed',
  InvocationFailed: 'failed',
  InvocationCanceled: 'canceled',
} as const

/** The data of any end of a call that was accepted. */
export type EndData = Pick<Terminal['data'], 'orgId' | 'settlement' | 'usage'> & {
  readonly of: Dimensions
}

export function endTotals(type: keyof typeof ends, { of, settlement, usage }: EndData): Totals {
  const settled = settlement.kind === 'settle' ? settlement : undefined
  return {
    ...noTotals,
    calls: 1,
    [ends[type]]: 1,
    practice: of.practice ? 1 : 0,
    unknown: usage?.basis === 'unknown' ? 1 : 0,
    quantities: usage && usage.basis !== 'unknown' ? usage.quantities : noTotals.quantities,
    chargeNanos: settled?.chargeNanos ?? '0',
    waivedNanos: settled?.waivedNanos ?? '0',
    uncollectedNanos: settled?.uncollectedNanos ?? '0',
  }
}

export const adjustmentTotals = ({ amountNanos }: AccountData<'ChargeAdjusted'>): Totals => ({
  ...noTotals,
  adjustedNanos: amountNanos,
})

export function addTotals(a: Totals, b: Totals): Totals {
  const [x, y] = [a.quantities, b.quantities]
  return {
    calls: a.calls + b.calls,
    completed: a.completed + b.completed,
    failed: a.failed + b.failed,
    canceled: a.canceled + b.canceled,
    practice: a.practice + b.practice,
    unknown: a.unknown + b.unknown,
    quantities: {
      input_uncached: x.input_uncached + y.input_uncached,
      input_cached: x.input_cached + y.input_cached,
      output: x.output + y.output,
      reasoning: x.reasoning + y.reasoning,
    },
    chargeNanos: addNanos(a.chargeNanos, b.chargeNanos),
    waivedNanos: addNanos(a.waivedNanos, b.waivedNanos),
    uncollectedNanos: addNanos(a.uncollectedNanos, b.uncollectedNanos),
    adjustedNanos: addNanos(a.adjustedNanos, b.adjustedNanos),
  }
}

/** Which sum a document is: no part but the last can contain the sign between them. */
export type SumKey = Pick<Sum, 'scope' | 'dimension' | 'value' | 'level' | 'period'>
export const keyOfSum = ({ scope, level, period, dimension, value }: SumKey): string =>
  [scope, level, period, dimension, value].join('|')

export function parseSumKey(key: string): SumKey {
  const [scope = '', level = '', period = '', dimension = '', ...value] = key.split('|')
  return { scope, dimension, value: value.join('|'), level: level as Level, period }
}

/** One grouping of one event, at the day of `at` and its month. */
export const sumKeys = (
  { scope, dimension, value }: Pick<Sum, 'scope' | 'dimension' | 'value'>,
  at: string,
  levels: readonly Level[],
): string[] =>
  levels.map((level) =>
    keyOfSum({ scope, dimension, value, level, period: at.slice(0, level === 'day' ? 10 : 7) }),
  )

/** A range of whole days, `to` exclusive, as the fewest sums that make it up. */
export function segmentsOf(
  from: string,
  to: string,
  levels: readonly Level[],
): { level: Level; from: string; to: string }[] {
  const firstMonth = from.endsWith('-01') ? from.slice(0, 7) : monthAfter(from)
  const lastMonth = to.slice(0, 7)
  if (!levels.includes('month') || firstMonth >= lastMonth) return [{ level: 'day', from, to }]
  const segments: { level: Level; from: string; to: string }[] = [
    { level: 'day', from, to: `${firstMonth}-01` },
    { level: 'month', from: firstMonth, to: lastMonth },
    { level: 'day', from: `${lastMonth}-01`, to },
  ]
  return segments.filter((segment) => segment.from < segment.to)
}

export function monthAfter(day: string): string {
  const [year, month] = [Number(day.slice(0, 4)), Number(day.slice(5, 7))]
  return month === 12
    ? `${String(year + 1).padStart(4, '0')}-01`
    : `${day.slice(0, 4)}-${String(month + 1).padStart(2, '0')}`
}

/** Sums read at most for one answer: about a second's work, 50,000 groups in a month. */
const MAX_SUMS = 50_000
const PAGE = 5_000

export interface Groups<S extends Totals> {
  readonly groups: ReadonlyMap<string, S>
  /** More sums than are read for one answer: the groups are not all there. */
  readonly truncated: boolean
}

/** The sums of a range by value. `add` puts two of them together. */
export async function readGroups<S extends Sum, T extends Totals>(
  views: Views,
  projection: Projection<S>,
  query: {
    scope: string
    dimension: string
    from: string
    to: string
    levels: readonly Level[]
  },
  add: (a: T | undefined, sum: S) => T,
): Promise<Groups<T>> {
  const groups = new Map<string, T>()
  let read = 0
  for (const { level, from, to } of segmentsOf(query.from, query.to, query.levels))
    for (let after: string | undefined; ;) {
      const page: Page<S> = await views.find(projection, {
        index: 'group',
        equals: { scope: query.scope, dimension: query.dimension, level },
        from,
        to,
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      })
      for (const sum of page.items) groups.set(sum.value, add(groups.get(sum.value), sum))
      read += page.items.length
      after = page.next
      if (after === undefined) break
      if (read >= MAX_SUMS) return { groups, truncated: true }
    }
  return { groups, truncated: false }
}
