/**
 * A price list as people write it: the body of POST /admin/price-lists and the file of `price publish`.
 * Figures are decimals in USD per million tokens, as providers print them.
 */
import { z } from 'zod'
import { instantText } from '../../domain/ids.ts'
import { modelName } from '../../domain/model/events.ts'
import { type PriceListInput, priceListInput } from '../../domain/price-list/events.ts'
import { priceBody } from '../amount.ts'

const perMillionTokens = z.strictObject({
  input_uncached: priceBody,
  input_cached: priceBody,
  output: priceBody,
  reasoning: priceBody,
})

export const priceListBody = z.strictObject({
  name: priceListInput.shape.name.meta({
    description: 'Names the list for ever: the same name again is its next version.',
  }),
  effective_from: z.exactOptional(
    instantText.meta({ description: 'At once where left out. Past calls keep their prices.' }),
  ),
  source: priceListInput.shape.source.meta({ description: 'Where the figures come from.' }),
  entries: z
    .array(
      z.strictObject({
        model: modelName,
        cost: perMillionTokens.meta({ description: 'What the provider takes from the seller.' }),
        price: perMillionTokens.meta({ description: 'What the seller takes from the customer.' }),
      }),
    )
    .min(1)
    .max(500)
    .refine(
      (entries) => new Set(entries.map((entry) => entry.model)).size === entries.length,
      'each model once',
    ),
})
export type PriceListBody = z.output<typeof priceListBody>

/** The list as the domain knows it. */
export function priceListOf({
  effective_from: effectiveFrom,
  source,
  name,
  entries,
}: PriceListBody): PriceListInput & { readonly effectiveFrom?: string } {
  return {
    name,
    entries,
    ...(source !== undefined && { source }),
    ...(effectiveFrom !== undefined && { effectiveFrom }),
  }
}
