/**
 * Money is integer nano-USD (10⁻⁹ USD) in `bigint`: a string of nanos in events, a decimal string in
 * units of the currency in HTTP. Prices are nano-USD per million tokens. No floating point anywhere:
 * a charge is rounded once, half up, at its total.
 */
import { z } from 'zod'
import { clear } from './personal.ts'

export const CURRENCY = 'USD'
const NANOS_PER_UNIT = 1_000_000_000n
const TOKENS_PER_PRICE = 1_000_000n
/** 2^63 − 1: what every store and every reader can hold. 9.2 thousand million USD. */
export const MAX_NANOS = 9_223_372_036_854_775_807n

/** Nanos as events store them. */
export const nanosText = z
  .string()
  .regex(/^-?(0|[1-9]\d{0,18})$/)
  .meta({ description: 'nano-USD' })
export const nanos = clear(nanosText)

/** An amount as HTTP shows and takes it. */
export const moneySchema = z
  .strictObject({ amount: z.string(), currency: z.literal(CURRENCY) })
  .meta({ id: 'Money', description: 'A decimal string in units of the currency.' })
export type Money = z.output<typeof moneySchema>

/** A decimal amount as a person sends it: up to 9 decimals, no exponent, no sign. */
export const amountText = z
  .string()
  .regex(/^(0|[1-9]\d{0,9})(\.\d{1,9})?$/, {
    error: 'a decimal string such as "10.00", at most 9 decimals',
    // What is no number is not compared with one.
    abort: true,
  })
  .meta({ description: 'Decimal string in USD, at most 9 decimals', example: '10.00' })

export function nanosFromDecimal(text: string): bigint {
  const [units = '0', decimals = ''] = text.split('.')
  return BigInt(units) * NANOS_PER_UNIT + BigInt(decimals.padEnd(9, '0'))
}

/** `3807000n` → `"0.003807000"`: always nine decimals, so that columns line up and nothing is hidden. */
export function decimalFromNanos(amount: bigint): string {
  const sign = amount < 0n ? '-' : ''
  const size = amount < 0n ? -amount : amount
  return `${sign}${size / NANOS_PER_UNIT}.${String(size % NANOS_PER_UNIT).padStart(9, '0')}`
}

/** `25000000000n` → `"25.00"`, for a line that a person reads: no zeros beyond the cents. */
export const nanosToShort = (amount: bigint): string =>
  decimalFromNanos(amount).replace(/(\.\d\d\d*?)0+$/, '$1')

export const money = (amount: bigint): Money => ({
  amount: decimalFromNanos(amount),
  currency: CURRENCY,
})

/** The classes a provider counts and a price list prices. They sum to the provider's totals. */
export const tokenClasses = ['input_uncached', 'input_cached', 'output', 'reasoning'] as const
export const tokenQuantities = z.strictObject({
  input_uncached: z.int().nonnegative(),
  input_cached: z.int().nonnegative(),
  output: z.int().nonnegative(),
  reasoning: z.int().nonnegative(),
})
export type TokenQuantities = z.output<typeof tokenQuantities>

/** nano-USD per million tokens of each class, as events store it. */
export const tokenPrices = z.strictObject({
  input_uncached: nanosText,
  input_cached: nanosText,
  output: nanosText,
  reasoning: nanosText,
})
export type TokenPrices = z.output<typeof tokenPrices>

/** Σ quantity × price, rounded half up once at the total. Quantities and prices are never negative. */
export function priceOf(quantities: TokenQuantities, prices: TokenPrices): bigint {
  let total = 0n
  for (const tokenClass of tokenClasses)
    total += BigInt(quantities[tokenClass]) * BigInt(prices[tokenClass])
  return (total + TOKENS_PER_PRICE / 2n) / TOKENS_PER_PRICE
}

export const minNanos = (a: bigint, b: bigint): bigint => (a < b ? a : b)
export const maxNanos = (a: bigint, b: bigint): bigint => (a > b ? a : b)
