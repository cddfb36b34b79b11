/**
 * A plan as people write it: the body of POST /admin/plans and the file of `plan publish`. Amounts are
 * decimals in USD; the price list is named by its name or its id.
 */
import { z } from 'zod'
import { idSchema } from '../../domain/ids.ts'
import { type PlanInput, planInput } from '../../domain/plan/events.ts'
import { priceListInput } from '../../domain/price-list/events.ts'
import type { Ids } from '../../ports/ids.ts'
import { amountBody } from '../amount.ts'
import { priceListIdOf } from '../price-list/price-list-id.ts'

const { shape } = planInput
const limits = shape.limits.shape
const count = limits.requestsPerMinute
const payment = shape.payment.unwrap().shape
const price = payment.prices.element.shape
const currency = payment.creditPerMinorUnit.keyType

export const planBody = z.strictObject({
  name: shape.name,
  slug: shape.slug.meta({
    description: 'Names the plan for ever; `free` is what everybody starts on.',
  }),
  prices: z.strictObject({
    price_list: priceListInput.shape.name.meta({ description: 'Name or id of a price list.' }),
    mark_up_basis_points: shape.prices.shape.markUpBasisPoints.meta({
      description: "The customer's price is the cost and so many hundredths of a percent more.",
    }),
  }),
  included_credit: z.exactOptional(
    z
      .strictObject({
        amount: amountBody,
        kind: z.enum(['included', 'promotional']),
        period: z.literal('month'),
      })
      .meta({ description: 'Credit of each calendar month; it lapses with it.' }),
  ),
  trial: z.exactOptional(
    z
      .strictObject({ amount: amountBody, days: z.int().positive().max(366) })
      .meta({ description: 'Credit once, when the person has verified their address.' }),
  ),
  grace_days: shape.graceDays.meta({ description: 'Days of access while a payment is past due.' }),
  free: shape.free.meta({ description: 'Included credit comes without a payment.' }),
  agents: shape.agents.meta({ description: "Which of the platform's agents." }),
  limits: z.strictObject({
    requests_per_minute: count,
    invocations_per_minute: count,
    concurrent_invocations: count,
  }),
  budgets: z.exactOptional(
    z
      .array(
        z.strictObject({
          amount: amountBody,
          per: z.enum(['day', 'month']),
          of: z.enum(['organization', 'user', 'end_user', 'key', 'agent']),
        }),
      )
      .max(20),
  ),
  payment: z.exactOptional(
    z
      .strictObject({
        prices: z
          .array(z.strictObject({ price_id: price.priceId, times: price.times }))
          .max(20)
          .meta({
            description:
              'Prices of the subscription there. `times`: so often the included credit for one of its periods (a year: 12).',
          }),
        top_up_prices: payment.topUpPrices.meta({
          description: 'Prices of credit that is bought once.',
        }),
        credit_per_minor_unit: z.record(currency, amountBody).meta({
          description:
            'Credit for one minor unit (a cent, a yen) paid before tax, by currency: a decimal in USD.',
        }),
      })
      .refine(({ prices, top_up_prices: topUps }) => {
        const all = [...prices.map((one) => one.price_id), ...topUps]
        return new Set(all).size === all.length
      }, 'a price stands for one thing')
      .meta({ description: 'How it is paid for at the payment provider; left out: not there.' }),
  ),
  self_subscribe: shape.selfSubscribe.meta({
    description: 'Any organization may take it; else only an administrator gives it.',
  }),
})
export type PlanBody = z.output<typeof planBody>

/** The plan as the domain knows it. */
export function planOf(ids: Ids, body: PlanBody): PlanInput {
  const { prices, included_credit: included, trial, budgets } = body
  const isId = idSchema('priceList').safeParse(prices.price_list).success
  const markUp = prices.mark_up_basis_points
  const { requests_per_minute, invocations_per_minute, concurrent_invocations } = body.limits
  return {
    name: body.name,
    slug: body.slug,
    prices: {
      priceListId: isId ? prices.price_list : priceListIdOf(ids, prices.price_list),
      ...(markUp !== undefined && { markUpBasisPoints: markUp }),
    },
    ...(included && {
      includedCredit: {
        amountNanos: included.amount,
        kind: included.kind,
        period: included.period,
      },
    }),
    ...(trial && { trial: { amountNanos: trial.amount, days: trial.days } }),
    graceDays: body.grace_days,
    free: body.free,
    agents: body.agents,
    limits: {
      ...(requests_per_minute !== undefined && { requestsPerMinute: requests_per_minute }),
      ...(invocations_per_minute !== undefined && { invocationsPerMinute: invocations_per_minute }),
      ...(concurrent_invocations !== undefined && {
        concurrentInvocations: concurrent_invocations,
      }),
    },
    ...(budgets && {
      budgets: budgets.map(({ amount, per, of }) => ({ amountNanos: amount, per, of })),
    }),
    ...(body.payment && { payment: paymentOf(body.payment) }),
    selfSubscribe: body.self_subscribe,
  }
}

const paymentOf = (body: NonNullable<PlanBody['payment']>): NonNullable<PlanInput['payment']> => ({
  prices: body.prices.map(({ price_id: priceId, times }) => ({
    priceId,
    ...(times !== undefined && { times }),
  })),
  topUpPrices: body.top_up_prices,
  creditPerMinorUnit: body.credit_per_minor_unit,
})
