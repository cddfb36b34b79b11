/**
 * What the providers take from the seller, under which ceiling, and the switch that stops all calls.
 * Decided by streams; only the hours come from a view.
 */
import { z } from 'zod'
import type { Deps } from '../commands/deps.ts'
import { platformBudgets, spendPeriodOf } from '../commands/spend/ceiling.ts'
import { callsStopped, setCallsStopped } from '../commands/spend/stopped.ts'
import { periodOf } from '../domain/account/budgets.ts'
import { idSchema } from '../domain/ids.ts'
import type { Installation } from '../domain/installation/installation.ts'
import { maxNanos } from '../domain/money.ts'
import type { Policy } from '../domain/policy/decision.ts'
import { type Budget, budgetPeriods } from '../domain/policy/events.ts'
import { spendCeiling } from '../domain/spend-ceiling/spend-ceiling.ts'
import { boundsHeld } from '../projections/open-holds.ts'
import { costsSince } from '../projections/provider-cost.ts'
import { type AnyRoute, route } from './route.ts'
import { moneyOf, moneySchema, timeSchema } from './schemas.ts'

const tag = 'admin'
const access = (resource: string, action: string) =>
  ({ actor: 'administrator', resource, action, limits: ['request'] }) as const

export const adminSpendRoutes = (deps: Deps): AnyRoute[] => [
  spendRoute(deps),
  stopStateRoute(deps),
  stopRoute(deps),
]

const HOUR_MS = 3_600_000

const ceilingSchema = z.strictObject({
  policy_id: idSchema('policy'),
  name: z.string(),
  period: z.enum(budgetPeriods),
  amount: moneySchema,
  hard: z.boolean().meta({ description: 'false: only its thresholds are told.' }),
  reserved: moneySchema.meta({
    description: 'What processes may let calls cost in this period: spent, running, or at hand.',
  }),
  left: moneySchema,
  resets_at: timeSchema,
})

const spendSchema = z
  .strictObject({
    day: z.iso.date(),
    settled: moneySchema.meta({ description: 'Cost of the calls that were settled today.' }),
    calls: z.int(),
    held: moneySchema.meta({ description: 'The most that running and waiting calls can cost.' }),
    per_hour: z.strictObject({
      last_hour: moneySchema.meta({
        description: 'This and the last clock hour, by their minutes.',
      }),
      today: moneySchema.meta({ description: 'The average of today.' }),
    }),
    hours: z.array(z.strictObject({ from: timeSchema, cost: moneySchema, calls: z.int() })),
    ceilings: z.array(ceilingSchema),
  })
  .meta({ id: 'AdminSpend' })

const spendRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/admin/spend',
    tag,
    summary: 'What the providers take today, and the ceilings',
    description:
      'Cost, not revenue: GET /admin/usage/summary has both. The ceilings are the platform’s policies of kind ' +
      '`budget` with `per: platform`.',
    access: access('spend', 'read'),
    answers: { 200: { description: 'Today, by UTC.', schema: spendSchema } },
    reads: true,
    async handler({ root: { at } }) {
      const { from: midnight } = periodOf('day', at)
      const lastHour = new Date(Date.parse(at) - HOUR_MS).toISOString()
      const earliest = lastHour < midnight ? lastHour : midnight
      const [found, held, budgets] = await Promise.all([
        costsSince(deps.views, earliest),
        boundsHeld(deps.views),
        platformBudgets(deps.streams),
      ])
      const hours = found.filter(({ hour }) => hour >= midnight.slice(0, 13))
      const settled = hours.reduce((sum, one) => sum + BigInt(one.costNanos), 0n)
      const body: z.output<typeof spendSchema> = {
        day: at.slice(0, 10),
        settled: moneyOf(settled),
        calls: hours.reduce((sum, one) => sum + one.calls, 0),
        held: moneyOf(held),
        per_hour: {
          last_hour: moneyOf(lastHourOf(found, at)),
          today: moneyOf(averageOf(settled, Date.parse(at) - Date.parse(midnight))),
        },
        hours: hours.map(({ hour, costNanos, calls }) => ({
          from: `${hour}:00:00.000Z`,
          cost: moneyOf(costNanos),
          calls,
        })),
        ceilings: await Promise.all(budgets.map((one) => showCeiling(deps, one, at))),
      }
      return { body }
    },
  })

/** All of this clock hour, and of the last one the share that is less than an hour ago. */
function lastHourOf(
  hours: readonly { readonly hour: string; readonly costNanos: string }[],
  at: string,
): bigint {
  const now = Date.parse(at)
  const cost = (time: number): bigint => {
    const key = new Date(time).toISOString().slice(0, 13)
    return BigInt(hours.find(({ hour }) => hour === key)?.costNanos ?? 0)
  }
  const rest = BigInt(HOUR_MS - (now % HOUR_MS))
  return cost(now) + (cost(now - HOUR_MS) * rest) / BigInt(HOUR_MS)
}

/** In the first hour of a day: what there was. */
const averageOf = (settled: bigint, elapsedMs: number): bigint =>
  (settled * BigInt(HOUR_MS)) / BigInt(Math.max(elapsedMs, HOUR_MS))

async function showCeiling(
  { streams }: Pick<Deps, 'streams'>,
  { policyId, terms }: Policy<Budget>,
  at: string,
): Promise<z.output<typeof ceilingSchema>> {
  const { name, period, amountNanos, hard } = terms
  const { state } = await streams.load(spendCeiling, spendPeriodOf(period, at))
  return {
    policy_id: policyId,
    name,
    period,
    amount: moneyOf(amountNanos),
    hard,
    reserved: moneyOf(state.reservedNanos),
    left: moneyOf(maxNanos(BigInt(amountNanos) - state.reservedNanos, 0n)),
    resets_at: periodOf(period, at).to,
  }
}

const stopSchema = z
  .strictObject({
    stopped: z.boolean(),
    reason: z.nullable(z.string()),
    since: z.nullable(timeSchema),
  })
  .meta({ id: 'CallsStopped' })

const showStop = (stopped: Installation['stopped']): z.output<typeof stopSchema> => ({
  stopped: stopped !== undefined,
  reason: stopped?.reason ?? null,
  since: stopped?.since ?? null,
})

const stopStateRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/admin/stop',
    tag,
    summary: 'Whether calls to models are stopped',
    access: access('stop', 'read'),
    answers: { 200: { description: 'Since when, and why.', schema: stopSchema } },
    handler: async () => ({ body: showStop(await callsStopped(deps)) }),
  })

const stopRoute = (deps: Deps) =>
  route({
    method: 'PUT',
    path: '/admin/stop',
    tag,
    summary: 'Stop all calls to models, or let them begin again',
    description:
      'Within a second everywhere: new calls are refused (503 `calls_stopped`), waiting ones wait on ' +
      'until their time is over, running ones end. Everything else goes on.',
    access: access('stop', 'set'),
    body: z.strictObject({
      stopped: z.boolean(),
      reason: z.exactOptional(
        z.string().trim().min(1).max(500).meta({
          description: 'Of a stop. Kept for ever: it must not name a person.',
        }),
      ),
    }),
    answers: { 200: { description: 'As it is now.', schema: stopSchema } },
    async handler({ body, root }) {
      const { state, position } = await setCallsStopped(deps, root, body)
      return { body: showStop(state.stopped), position }
    },
  })
