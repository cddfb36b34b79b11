/** What calls cost the seller and the customer, by model and class of token, dated: the stored contract. */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant, instantText } from '../ids.ts'
import { modelName } from '../model/events.ts'
import { tokenClasses, tokenPrices } from '../money.ts'
import { clear, SELLER, shownTo } from '../personal.ts'

/** nano-USD per million tokens, never negative. */
const prices = tokenPrices.refine(
  (all) => tokenClasses.every((tokenClass) => !all[tokenClass].startsWith('-')),
  'a price is never negative',
)

export const priceEntry = z.strictObject({
  model: modelName,
  /** What the provider takes from the seller. */
  cost: shownTo(SELLER, prices),
  /** What the seller takes from the customer. */
  price: prices,
})
export type PriceEntry = z.output<typeof priceEntry>

/** What a publisher gives. */
export const priceListInput = z.strictObject({
  name: z.string().min(1).max(120),
  entries: z
    .array(priceEntry)
    .min(1)
    .max(500)
    .refine(
      (entries) => new Set(entries.map((entry) => entry.model)).size === entries.length,
      'each model once',
    ),
  /** Where the figures come from and when they were read. */
  source: z.exactOptional(z.string().max(1_000)),
})
export type PriceListInput = z.output<typeof priceListInput>

const shape = priceListInput.shape
export const priceListEvents = {
  PriceListPublished: event('Prices that apply from a day on, until a later version does.', {
    priceListId: idField('priceList'),
    version: clear(z.int().positive()),
    effectiveFrom: clear(instantText),
    name: clear(shape.name),
    entries: clear(shape.entries),
    source: clear(shape.source),
    at: instant,
  }),
}
export type PriceListEvent = EventsOf<typeof priceListEvents>
