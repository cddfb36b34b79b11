/**
 * Pieces of HTTP schemas that several resources share: money, times, ids, optional fields.
 */
import { z } from 'zod'
import { instantText } from '../domain/ids.ts'
import { type Money, money, moneySchema, tokenQuantities } from '../domain/money.ts'

export { moneySchema }
/** Stored nanos as HTTP shows them. */
export const moneyOf = (nanos: string | bigint): Money => money(BigInt(nanos))

/** Token quantities by class: the same names in events and in HTTP. */
export const quantitiesSchema = tokenQuantities.meta({
  id: 'TokenQuantities',
  description: 'Tokens by class; they sum to what the provider counted.',
})

export const timeSchema = instantText.meta({ description: 'ISO 8601, UTC' })

/** A moment in a query: an ISO time in UTC, or a day, which means its first moment. */
export const momentQuery = z
  .union([z.iso.date(), z.iso.datetime()], 'a day as 2026-11-23 or a time as 2026-11-23T10:00:00Z')
  .transform((text) => new Date(text).toISOString())

/** Spread into a list's query schema: from ≤ time < to. */
export const rangeQuery = {
  from: z.exactOptional(momentQuery.meta({ description: 'First moment (inclusive).' })),
  to: z.exactOptional(momentQuery.meta({ description: 'Last moment (exclusive).' })),
}
export interface RangeQuery {
  readonly from?: string
  readonly to?: string
}

/** The range as views.find takes it. */
export const bounds = ({ from, to }: RangeQuery): RangeQuery => ({
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to }),
})

/** The object without its undefined fields. */
export const defined = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
