/** Plans, subscriptions and accounts as HTTP shows them. */
import { z } from 'zod'
import { creditKind } from '../domain/account/events.ts'
import { freeOf, lotOf } from '../domain/account/lots.ts'
import { type Account, availableOf, balanceOf, debtOf, heldOf } from '../domain/account/state.ts'
import { idSchema } from '../domain/ids.ts'
import type { PlanInput } from '../domain/plan/events.ts'
import type { PlanTerms } from '../domain/plan/plan.ts'
import type { Period } from '../domain/subscription/period.ts'
import { planAt } from '../domain/subscription/plan-at.ts'
import { isManual, type Subscription } from '../domain/subscription/state.ts'
import { subscriptionStatus } from '../domain/subscription/events.ts'
import { moneyOf, moneySchema, timeSchema } from './schemas.ts'

const count = z.exactOptional(z.int())

export const planSchema = z
  .strictObject({
    id: idSchema('plan'),
    version: z.int(),
    name: z.string(),
    slug: z.string(),
    prices: z.strictObject({
      price_list_id: idSchema('priceList'),
      mark_up_basis_points: count,
    }),
    included_credit: z.nullable(
      z.strictObject({ amount: moneySchema, kind: z.string(), period: z.literal('month') }),
    ),
    trial: z.nullable(z.strictObject({ amount: moneySchema, days: z.int() })),
    grace_days: z.int(),
    free: z.boolean(),
    agents: z.union([z.literal('all'), z.array(idSchema('agent'))]),
    limits: z.strictObject({
      requests_per_minute: count,
      invocations_per_minute: count,
      concurrent_invocations: count,
    }),
    budgets: z.array(z.strictObject({ amount: moneySchema, per: z.string(), of: z.string() })),
    payment: z
      .nullable(
        z.strictObject({
          prices: z
            .array(z.strictObject({ price_id: z.string(), times: z.int() }))
            .meta({ description: 'Of the subscription, with how often the included credit.' }),
          top_up_prices: z.array(z.string()),
          credit_per_minor_unit: z
            .record(z.string(), moneySchema)
            .meta({ description: 'Credit for a minor unit paid before tax, by currency.' }),
        }),
      )
      .meta({ description: 'How it is paid for at the payment provider; null: not there.' }),
    self_subscribe: z.boolean(),
    retired: z.boolean(),
  })
  .meta({ id: 'Plan' })

export const showPlan = (
  { planId, version, terms }: PlanTerms,
  retired: boolean,
): z.output<typeof planSchema> => ({
  id: planId,
  version,
  name: terms.name,
  slug: terms.slug,
  prices: {
    price_list_id: terms.prices.priceListId,
    ...(terms.prices.markUpBasisPoints !== undefined && {
      mark_up_basis_points: terms.prices.markUpBasisPoints,
    }),
  },
  included_credit: terms.includedCredit
    ? {
        amount: moneyOf(terms.includedCredit.amountNanos),
        kind: terms.includedCredit.kind,
        period: terms.includedCredit.period,
      }
    : null,
  trial: terms.trial ? { amount: moneyOf(terms.trial.amountNanos), days: terms.trial.days } : null,
  grace_days: terms.graceDays,
  free: terms.free,
  agents: terms.agents,
  limits: showLimits(terms.limits),
  budgets: (terms.budgets ?? []).map(({ amountNanos, per, of }) => ({
    amount: moneyOf(amountNanos),
    per,
    of,
  })),
  payment: terms.payment ? showPayment(terms.payment) : null,
  self_subscribe: terms.selfSubscribe,
  retired,
})

const showPayment = (payment: NonNullable<PlanInput['payment']>) => ({
  prices: payment.prices.map(({ priceId, times = 1 }) => ({ price_id: priceId, times })),
  top_up_prices: payment.topUpPrices,
  credit_per_minor_unit: Object.fromEntries(
    Object.entries(payment.creditPerMinorUnit).map(([currency, nanos]) => [
      currency,
      moneyOf(nanos),
    ]),
  ),
})

const showLimits = (limits: PlanInput['limits']) => ({
  ...(limits.requestsPerMinute !== undefined && {
    requests_per_minute: limits.requestsPerMinute,
  }),
  ...(limits.invocationsPerMinute !== undefined && {
    invocations_per_minute: limits.invocationsPerMinute,
  }),
  ...(limits.concurrentInvocations !== undefined && {
    concurrent_invocations: limits.concurrentInvocations,
  }),
})

const periodSchema = z.strictObject({ start: timeSchema, end: timeSchema })

export const subscriptionSchema = z
  .strictObject({
    plan_id: idSchema('plan'),
    plan_version: z.int(),
    status: subscriptionStatus,
    started_at: timeSchema,
    ends_at: z.nullable(timeSchema).meta({ description: 'Of one that was canceled.' }),
    kept_by: z
      .enum(['us', 'provider'])
      .meta({ description: '`provider`: it is paid for, changed and ended there.' }),
    paid_period: z
      .nullable(periodSchema)
      .meta({ description: 'As the payment provider last said: paid for, or tried.' }),
    scheduled: z
      .nullable(
        z.strictObject({
          change: z.enum(['cancel', 'pause', 'resume', 'plan']),
          at: timeSchema,
          plan_id: z
            .nullable(idSchema('plan'))
            .meta({ description: 'Of `plan`: what takes the place of this one.' }),
        }),
      )
      .meta({ description: 'A change that is agreed with the provider and still to come.' }),
  })
  .meta({ id: 'Subscription' })

/** The plan is the one in force at `at`. */
export const showSubscription = (
  one: Subscription,
  at: string,
): z.output<typeof subscriptionSchema> => ({
  plan_id: planAt(one, at).planId,
  plan_version: planAt(one, at).planVersion,
  status: one.status,
  started_at: one.startedAt,
  ends_at: one.endsAt ?? null,
  kept_by: isManual(one.subscriptionId) ? 'us' : 'provider',
  paid_period: one.period ? { start: one.period.start, end: one.period.end } : null,
  scheduled: showScheduled(one, at),
})

/** Of two the provider's own: an end leaves nothing to change. */
function showScheduled({ scheduled, ...one }: Subscription, at: string) {
  if (scheduled) return { change: scheduled.change, at: scheduled.at, plan_id: null }
  const { next } = planAt(one, at)
  return next ? { change: 'plan' as const, at: next.at, plan_id: next.planId } : null
}

export const lotSchema = z.strictObject({
  id: idSchema('lot'),
  kind: z.union([creditKind, z.literal('adjustment')]),
  granted: moneySchema,
  free: moneySchema,
  held: moneySchema,
  expires_at: z.nullable(timeSchema),
})

export const accountSchema = z
  .strictObject({
    organization_id: idSchema('organization'),
    balance: moneySchema.meta({ description: 'All credit, held credit included, less the debt.' }),
    held: moneySchema.meta({ description: 'Reserved for calls that run.' }),
    available: moneySchema.meta({ description: 'What a call could hold now.' }),
    debt: moneySchema.meta({ description: 'Credit that was taken back after it was spent.' }),
    lots: z.array(lotSchema).meta({ description: 'With anything left, in the order of drawing.' }),
    status: z.union([subscriptionStatus, z.literal('none')]).meta({
      description: 'Of the subscription; `none` where there never was one.',
    }),
    plan: z.nullable(
      z.strictObject({
        id: idSchema('plan'),
        version: z.int(),
        slug: z.string(),
        name: z.string(),
        until: z.nullable(timeSchema),
      }),
    ),
    subscription: z.nullable(subscriptionSchema),
    period: z
      .nullable(periodSchema)
      .meta({ description: 'The calendar period, by which free credit comes.' }),
  })
  .meta({ id: 'BillingAccount' })

export interface ShownAccount {
  readonly orgId: string
  readonly account: Account
  readonly plan: (PlanTerms & { readonly until: string | undefined }) | undefined
  readonly subscription: Subscription | undefined
  readonly period: Period | undefined
  readonly at: string
}

export const showAccount = (shown: ShownAccount): z.output<typeof accountSchema> => {
  const { account, plan, subscription, period } = shown
  return {
    organization_id: shown.orgId,
    balance: moneyOf(balanceOf(account)),
    held: moneyOf(heldOf(account)),
    available: moneyOf(availableOf(account, shown.at)),
    debt: moneyOf(debtOf(account)),
    lots: account.lots.open
      .map((lotId) => lotOf(account.lots, lotId))
      .map((lot) => ({
        id: lot.lotId,
        kind: lot.kind,
        granted: moneyOf(lot.grantedNanos),
        free: moneyOf(freeOf(lot)),
        held: moneyOf(lot.reservedNanos),
        expires_at: lot.expiresAt ?? null,
      })),
    status: subscription?.status ?? 'none',
    plan: plan
      ? {
          id: plan.planId,
          version: plan.version,
          slug: plan.terms.slug,
          name: plan.terms.name,
          until: plan.until ?? null,
        }
      : null,
    subscription: subscription ? showSubscription(subscription, shown.at) : null,
    period: period ? { start: period.start, end: period.end } : null,
  }
}
