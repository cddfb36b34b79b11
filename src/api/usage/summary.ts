/**
 * Sums of usage: the organization's (or a member's own) by whatever usage is grouped by, and the
 * seller's with revenue, cost and margin. Ranges are whole days in UTC, `to` exclusive.
 */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import { tokenClasses } from '../../domain/money.ts'
import { endUserTexts } from '../../projections/end-users.ts'
import {
  addPlatformTotals,
  marginOf,
  noPlatformTotals,
  platformDimensions,
  type PlatformTotals,
  revenueOf,
  summarizePlatform,
} from '../../projections/platform-summary.ts'
import { ownDays, ownGroups } from '../../projections/own-usage.ts'
import { summarize, totalOf } from '../../projections/usage-summary.ts'
import { addTotals, monthAfter, noTotals, type Totals } from '../../projections/usage-totals.ts'
import { Problem } from '../errors.ts'
import { type AnyRoute, route } from '../route.ts'
import { defined, moneyOf, moneySchema, quantitiesSchema } from '../schemas.ts'
import { openText, readAccess, type Reader, readerOf } from './reader.ts'

type SummaryDeps = Pick<Deps, 'views' | 'sealer' | 'clock'>
/** Groups of an answer: those that were charged most. */
const MAX_GROUPS = 1_000
const MAX_RANGE_MS = 3_653 * 86_400_000

const day = z.iso.date('a day as 2026-11-23')
const dayRange = {
  from: z.exactOptional(day.meta({ description: 'First day, UTC; the first of this month.' })),
  to: z.exactOptional(day.meta({ description: 'Day after the last; the first of next month.' })),
}

const calls = z.int().nonnegative()
const totalsShape = {
  calls,
  completed: calls,
  failed: calls,
  canceled: calls,
  unknown_usage: calls.meta({ description: 'Calls whose usage the provider never told.' }),
  usage: quantitiesSchema,
  waived: moneySchema,
  uncollected: moneySchema,
  adjusted: moneySchema,
}
const totalsSchema = z.strictObject({
  ...totalsShape,
  practice: calls.meta({ description: 'Of these, answered by the practice model.' }),
  charge: moneySchema.meta({ description: 'Charged, before corrections.' }),
  net: moneySchema.meta({ description: 'charge − adjusted' }),
})
const groupShape = {
  value: z.string(),
  user: z.exactOptional(z.string()).meta({ description: 'Your end user, as you sent it.' }),
}
const summaryShape = {
  group_by: z.string(),
  from: z.string(),
  to: z.string(),
  truncated: z.boolean().meta({
    description: 'Not all groups are here; `total` is always whole. Ask for a shorter range.',
  }),
}

export const summaryRoutes = (deps: SummaryDeps): AnyRoute[] => [
  route({
    method: 'GET',
    path: '/usage/summary',
    tag: 'usage',
    summary: 'What calls add up to',
    access: readAccess('usage', 'summary'),
    query: z.strictObject({
      group_by: z
        .string()
        .regex(
          /^(user|end_user|key|agent|model|day|metadata\.[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63})$/,
          'user, end_user, key, agent, model, day or metadata.NAME',
        )
        .default('day'),
      ...dayRange,
    }),
    answers: {
      200: {
        description: 'The sums, those charged most first; by day: in order.',
        schema: z.strictObject({
          ...summaryShape,
          items: z.array(totalsSchema.extend(groupShape)),
          total: totalsSchema,
        }),
      },
    },
    reads: true,
    async handler({ query, actor }) {
      const range = rangeOf(query, deps.clock.now())
      const reader = readerOf(actor)
      const { orgId } = reader
      const { groups, truncated, total } = await sumsOf(deps, reader, range, query.group_by)
      const items = ordered(groups, query.group_by, (one) => BigInt(one.chargeNanos))
      const texts =
        query.group_by === 'end_user'
          ? await endUserTexts(
              deps.views,
              orgId,
              items.map(([value]) => value),
            )
          : undefined
      return {
        body: {
          group_by: query.group_by,
          ...range,
          truncated: truncated || groups.size > items.length,
          items: await Promise.all(
            items.map(async ([value, totals]) =>
              defined({
                value,
                user: await openText(deps, texts?.get(value)),
                ...showTotals(totals),
              }),
            ),
          ),
          total: showTotals(total),
        },
      }
    },
  }),
  platformRoute(deps),
]

const platformTotals = z.strictObject({
  ...totalsShape,
  revenue: moneySchema.meta({ description: 'Charged, less corrections.' }),
  cost: moneySchema.meta({ description: 'What the providers take.' }),
  margin: moneySchema.meta({ description: 'revenue − cost' }),
})
const books = z.strictObject({
  truncated: summaryShape.truncated,
  items: z.array(platformTotals.extend({ value: z.string() })),
  total: platformTotals,
})

const platformRoute = (deps: SummaryDeps): AnyRoute =>
  route({
    method: 'GET',
    path: '/admin/usage/summary',
    tag: 'admin',
    summary: 'Revenue, cost and margin',
    description: 'Calls that the practice model answered stand apart: they earn and cost nothing.',
    access: { actor: 'administrator', resource: 'usage', action: 'summary', limits: ['request'] },
    query: z.strictObject({ group_by: z.enum(platformDimensions).default('day'), ...dayRange }),
    answers: {
      200: {
        description: 'The books of all organizations.',
        schema: z.strictObject({
          group_by: z.string(),
          from: z.string(),
          to: z.string(),
          ...books.shape,
          practice: books,
        }),
      },
    },
    reads: true,
    async handler({ query }) {
      const range = rangeOf(query, deps.clock.now())
      const booksOf = async (practice: boolean) => {
        const wish = { practice, ...range }
        const { groups, truncated } = await summarizePlatform(deps.views, {
          ...wish,
          dimension: query.group_by,
        })
        const days = await summarizePlatform(deps.views, { ...wish, dimension: 'day' })
        const items = ordered(groups, query.group_by, revenueOf)
        return {
          truncated: truncated || groups.size > items.length,
          items: items.map(([value, totals]) => ({ value, ...showPlatform(totals) })),
          total: showPlatform(
            [...days.groups.values()].reduce(addPlatformTotals, noPlatformTotals),
          ),
        }
      }
      const [real, practice] = [await booksOf(false), await booksOf(true)]
      return { body: { group_by: query.group_by, ...range, ...real, practice } }
    },
  })

/** A member's or key's own sums, or the organization's. */
async function sumsOf(
  { views }: SummaryDeps,
  { orgId, userId, keyId }: Reader,
  range: { from: string; to: string },
  dimension: string,
) {
  const caller = keyId !== undefined ? { keyId } : userId !== undefined ? { userId } : undefined
  if (!caller) {
    const groups = await summarize(views, { orgId, dimension, ...range })
    return { ...groups, total: await totalOf(views, { orgId, ...range }) }
  }
  const own = { orgId, caller, ...range }
  const groups = await ownGroups(views, own, dimension)
  const total = [...(await ownDays(views, own)).values()].reduce(addTotals, noTotals)
  return { ...groups, total }
}

/** This month where nothing is said: whole months are read fastest. */
function rangeOf(query: { from?: string; to?: string }, now: Date): { from: string; to: string } {
  const today = now.toISOString().slice(0, 10)
  const from = query.from ?? `${(query.to ?? today).slice(0, 7)}-01`
  const to = query.to ?? `${monthAfter(from > today ? from : today)}-01`
  const problem =
    from > to
      ? 'must not be after to'
      : Date.parse(to) - Date.parse(from) > MAX_RANGE_MS
        ? 'must not be more than ten years before to'
        : undefined
  if (problem !== undefined)
    throw new Problem('invalid_input', {}, [{ path: 'query.from', message: problem }])
  return { from, to }
}

function ordered<T extends Totals>(
  groups: ReadonlyMap<string, T>,
  dimension: string,
  amount: (totals: T) => bigint,
): [string, T][] {
  const byValue = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  const entries = [...groups]
  if (dimension === 'day') return entries.sort(([a], [b]) => byValue(a, b))
  return entries
    .map(([value, totals]) => ({ value, totals, amount: amount(totals) }))
    .sort((a, b) =>
      a.amount === b.amount ? byValue(a.value, b.value) : a.amount > b.amount ? -1 : 1,
    )
    .slice(0, MAX_GROUPS)
    .map(({ value, totals }) => [value, totals])
}

const shown = (totals: Totals) => ({
  calls: totals.calls,
  completed: totals.completed,
  failed: totals.failed,
  canceled: totals.canceled,
  unknown_usage: totals.unknown,
  usage: Object.fromEntries(tokenClasses.map((one) => [one, totals.quantities[one]])),
  waived: moneyOf(totals.waivedNanos),
  uncollected: moneyOf(totals.uncollectedNanos),
  adjusted: moneyOf(totals.adjustedNanos),
})
const showTotals = (totals: Totals) => ({
  ...shown(totals),
  practice: totals.practice,
  charge: moneyOf(totals.chargeNanos),
  net: moneyOf(revenueOf(totals)),
})
const showPlatform = (totals: PlatformTotals) => ({
  ...shown(totals),
  revenue: moneyOf(revenueOf(totals)),
  cost: moneyOf(totals.costNanos),
  margin: moneyOf(marginOf(totals)),
})
