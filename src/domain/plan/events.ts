/**
 * What an organization may do and under which terms: the stored contract. A subscription names plan and
 * version, so what was agreed stays readable after the plan has changed.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, idSchema, instant } from '../ids.ts'
import { nanosText } from '../money.ts'
import { clear } from '../personal.ts'

const amount = nanosText.refine(
  (text) => !text.startsWith('-') && text !== '0',
  'more than nothing',
)
const priceId = z.string().min(1).max(128)
const count = z.exactOptional(z.int().positive().max(1_000_000))

/** What a publisher gives. */
export const planInput = z.strictObject({
  name: z.string().min(1).max(120),
  slug: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'lower-case letters, digits, dashes'),
  /** The list's own prices, or its costs and so many hundredths of a percent more. */
  prices: z.strictObject({
    priceListId: idSchema('priceList'),
    markUpBasisPoints: z.exactOptional(z.int().nonnegative().max(1_000_000)),
  }),
  /** Credit of each calendar period; it lapses with the period. */
  includedCredit: z.exactOptional(
    z.strictObject({
      amountNanos: amount,
      kind: z.enum(['included', 'promotional']),
      period: z.literal('month'),
    }),
  ),
  /** Credit once, when the person has verified the address. */
  trial: z.exactOptional(
    z.strictObject({ amountNanos: amount, days: z.int().positive().max(366) }),
  ),
  /** Days of access while a payment is past due. */
  graceDays: z.int().nonnegative().max(90),
  /** Nobody pays for it: without a payment provider the included credit comes by itself all the same. */
  free: z.boolean(),
  /** Which of the platform's agents; an organization's own are always its own. */
  agents: z.union([z.literal('all'), z.array(idSchema('agent')).max(1_000)]),
  limits: z.strictObject({
    requestsPerMinute: count,
    invocationsPerMinute: count,
    concurrentInvocations: count,
  }),
  budgets: z.exactOptional(
    z
      .array(
        z.strictObject({
          amountNanos: amount,
          per: z.enum(['day', 'month']),
          of: z.enum(['organization', 'user', 'end_user', 'key', 'agent']),
        }),
      )
      .max(20),
  ),
  /** How it is paid for at the payment provider; absent: not there. Prices are the provider's ids. */
  payment: z.exactOptional(
    z.strictObject({
      /** Of the subscription. `times`: so often the included credit for one of its periods (a year: 12). */
      prices: z
        .array(z.strictObject({ priceId, times: z.exactOptional(z.int().positive().max(12)) }))
        .max(20),
      /** Of credit that is bought once. */
      topUpPrices: z.array(priceId).max(20),
      /** Credit in nano-USD for one minor unit (a cent) paid before tax, by currency. */
      creditPerMinorUnit: z.record(z.string().regex(/^[A-Z]{3}$/), amount),
    }),
  ),
  /** Any organization may take it; else only the administrator gives it. */
  selfSubscribe: z.boolean(),
})
export type PlanInput = z.output<typeof planInput>

const shape = planInput.shape
export const planEvents = {
  PlanPublished: event('A plan can be subscribed to under these terms from now on.', {
    planId: idField('plan'),
    version: clear(z.int().positive()),
    name: clear(shape.name),
    slug: clear(shape.slug),
    prices: clear(shape.prices),
    includedCredit: clear(shape.includedCredit),
    trial: clear(shape.trial),
    graceDays: clear(shape.graceDays),
    free: clear(shape.free),
    agents: clear(shape.agents),
    limits: clear(shape.limits),
    budgets: clear(shape.budgets),
    payment: clear(shape.payment),
    selfSubscribe: clear(shape.selfSubscribe),
    at: instant,
  }),
  PlanRetired: event('Nobody new may take the plan; who has it keeps it.', {
    planId: idField('plan'),
    at: instant,
  }),
}
export type PlanEvent = EventsOf<typeof planEvents>
