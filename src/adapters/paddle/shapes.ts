/** What we read of Paddle's answers: the least, so that whatever Paddle adds changes nothing here. */
import { z } from 'zod'

const id = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/)
const answer = <T extends z.ZodType>(data: T) => z.looseObject({ data })

export const anything = z.looseObject({})

export const transaction = z.looseObject({
  id,
  status: z.string(),
  custom_data: z.nullish(z.looseObject({})),
  checkout: z.nullish(z.looseObject({ url: z.nullish(z.string().max(2_000)) })),
})
export type Transaction = z.output<typeof transaction>
export const oneTransaction = answer(transaction)

const pagination = z.looseObject({ has_more: z.boolean() })
export const transactions = z.looseObject({
  data: z.array(transaction),
  meta: z.looseObject({ pagination }),
})

/** With what the webhook has; kept whole, since it goes through the same door. */
export const events = z.looseObject({
  data: z.array(z.looseObject({ event_id: id, event_type: z.string(), occurred_at: z.string() })),
  meta: z.looseObject({ pagination }),
})

export const oneEntity = answer(z.looseObject({ id, updated_at: z.string() }))
export const entities = z.looseObject({
  data: z.array(z.looseObject({ id, updated_at: z.string() })),
})

const cycle = z.looseObject({ interval: z.string(), frequency: z.number() })

export const oneSubscription = answer(
  z.looseObject({
    id,
    status: z.string(),
    scheduled_change: z.nullish(z.looseObject({ action: z.string() })),
  }),
)

export const subscriptionNow = answer(
  z.looseObject({
    status: z.string(),
    scheduled_change: z.nullish(z.looseObject({ action: z.string() })),
    billing_cycle: cycle,
    current_billing_period: z.nullish(z.looseObject({ ends_at: z.string() })),
    items: z
      .array(z.looseObject({ recurring: z.nullish(z.boolean()), price: z.looseObject({ id }) }))
      .min(1),
  }),
)

/** What a change would cost: `charge` or `credit`. */
export const preview = answer(
  z.looseObject({
    update_summary: z.looseObject({ result: z.looseObject({ action: z.string() }) }),
  }),
)

export const link = answer(z.looseObject({ url: z.string().min(1).max(4_000) }))
export const customer = answer(z.looseObject({ email: z.string().max(1_000) }))
export const portal = answer(
  z.looseObject({
    urls: z.looseObject({ general: z.looseObject({ overview: z.string().min(1).max(4_000) }) }),
  }),
)

const unitPrice = z.looseObject({
  amount: z.string().regex(/^\d{1,18}$/),
  currency_code: z.string().regex(/^[A-Z]{3}$/),
})
export const onePrice = answer(
  z.looseObject({
    id,
    status: z.string(),
    unit_price: unitPrice,
    unit_price_overrides: z.nullish(z.array(z.looseObject({ unit_price: unitPrice }))),
    billing_cycle: z.nullish(cycle),
  }),
)
export type Price = z.output<typeof onePrice>['data']

export const destinations = z.looseObject({
  data: z.array(
    z.looseObject({
      type: z.string(),
      destination: z.string(),
      active: z.boolean(),
      traffic_source: z.nullish(z.string()),
      subscribed_events: z.nullish(z.array(z.looseObject({ name: z.string() }))),
      endpoint_secret_key: z.nullish(z.string()),
    }),
  ),
})
