/**
 * What one caller's own calls add up to, a person's or a key's. Days are read from the organization's
 * sums by caller; any other grouping from the calls themselves, of which only so many are read: sums of
 * every caller by
 * every grouping would cost more at each call than anybody asks of them.
 */
import { invocationHistory, type InvocationRecord } from './invocation-history.ts'
import { groupsOf, usageSummary } from './usage-summary.ts'
import { addTotals, type Groups, keyOfSum, noTotals, type Totals } from './usage-totals.ts'
import type { Page, Views } from './views.ts'

export type Caller = { readonly userId: string } | { readonly keyId: string }

export interface OwnUsageQuery {
  readonly orgId: string
  readonly caller: Caller
  /** Days, `to` exclusive. */
  readonly from: string
  readonly to: string
}

/** Calls read at most for one answer, the newest. */
const MAX_CALLS = 10_000
const PAGE = 500
const DAY_MS = 86_400_000

function daysOf(from: string, to: string): string[] {
  const days: string[] = []
  for (let at = Date.parse(from); at < Date.parse(to); at += DAY_MS)
    days.push(new Date(at).toISOString().slice(0, 10))
  return days
}

/** By day; never truncated. The range should not be longer than some years. */
export async function ownDays(
  views: Views,
  { orgId, caller, from, to }: OwnUsageQuery,
): Promise<Map<string, Totals>> {
  const of =
    'keyId' in caller
      ? ({ dimension: 'key', value: caller.keyId } as const)
      : ({ dimension: 'user', value: caller.userId } as const)
  const keys = daysOf(from, to).map((period) =>
    keyOfSum({ scope: orgId, ...of, level: 'day', period }),
  )
  const sums = await views.getMany(usageSummary, keys)
  return new Map([...sums.values()].map((sum) => [sum.period, sum]))
}

export async function ownGroups(
  views: Views,
  { orgId, caller, from, to }: OwnUsageQuery,
  dimension: string,
): Promise<Groups<Totals>> {
  if (dimension === 'day')
    return { groups: await ownDays(views, { orgId, caller, from, to }), truncated: false }
  const groups = new Map<string, Totals>()
  let read = 0
  for (let after: string | undefined; ;) {
    const page: Page<InvocationRecord> = await views.find(invocationHistory, {
      index: 'keyId' in caller ? 'key' : 'person',
      equals: { orgId, ...caller },
      from: `${from}T00:00:00.000Z`,
      to: `${to}T00:00:00.000Z`,
      descending: true,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    })
    for (const call of page.items) {
      const value = valueOf(call, dimension)
      if (call.endedAt !== undefined && call.metadata && value !== undefined)
        groups.set(value, addTotals(groups.get(value) ?? noTotals, totalsOf(call)))
    }
    read += page.items.length
    after = page.next
    if (after === undefined) return { groups, truncated: false }
    if (read >= MAX_CALLS) return { groups, truncated: true }
  }
}

const valueOf = (call: InvocationRecord, dimension: string): string | undefined =>
  groupsOf({ ...call, metadata: call.metadata ?? {} }, call.acceptedAt).find(
    ([name]) => name === dimension,
  )?.[1]

function totalsOf(call: InvocationRecord): Totals {
  const { status, usage } = call
  return {
    ...noTotals,
    calls: 1,
    completed: status === 'completed' ? 1 : 0,
    failed: status === 'failed' ? 1 : 0,
    canceled: status === 'canceled' ? 1 : 0,
    practice: call.practice ? 1 : 0,
    unknown: usage?.basis === 'unknown' ? 1 : 0,
    quantities: usage && usage.basis !== 'unknown' ? usage.quantities : noTotals.quantities,
    chargeNanos: call.chargeNanos ?? '0',
    waivedNanos: call.waivedNanos ?? '0',
    uncollectedNanos: call.uncollectedNanos ?? '0',
    adjustedNanos: call.adjustedNanos ?? '0',
  }
}
