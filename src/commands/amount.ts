/** Amounts as people write them in requests and files; parsed they are nano-USD in text, as events have them. */
import { z } from 'zod'
import { amountText, MAX_NANOS, nanosFromDecimal } from '../domain/money.ts'

const fits = (text: string): boolean => nanosFromDecimal(text) <= MAX_NANOS

/** More than nothing. */
export const amountBody = amountText
  .refine(
    (text) => fits(text) && nanosFromDecimal(text) > 0n,
    'more than nothing, at most 9 * 10^9',
  )
  .transform((text) => nanosFromDecimal(text).toString())

/** USD per million tokens; nothing is a price too. */
export const priceBody = amountText
  .refine(fits, 'at most 9 * 10^9')
  .transform((text) => nanosFromDecimal(text).toString())

/** A correction: with a minus, against the buyer. */
export const correctionBody = z
  .string()
  .regex(/^-?(0|[1-9]\d{0,8})(\.\d{1,9})?$/, 'a decimal string such as "0.10" or "-0.10"')
  .refine((text) => /[1-9]/.test(text), 'not nothing')
  .transform((text) => {
    const size = nanosFromDecimal(text.replace('-', ''))
    return (text.startsWith('-') ? -size : size).toString()
  })
