/** The kinds of values that settings have. */
import { z } from 'zod'

export const port = (description: string, value: number) =>
  z
    .string()
    .regex(/^\d{1,5}$/, 'a port, from 0 to 65535')
    .default(String(value))
    .transform(Number)
    .pipe(z.int().min(0).max(65_535))
    .meta({ description })
export const whole = (description: string, value: number, min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'a whole number')
    .default(String(value))
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ description })
export const list = (description: string) =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter(Boolean),
    )
    .meta({ description })
/** The address of a server; what it is exactly is checked by whoever connects. */
export const server = (...schemes: readonly string[]) =>
  z
    .string()
    .refine((text) => schemes.some((scheme) => text.startsWith(`${scheme}://`)), {
      error: `an address that begins with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
    })
    .optional()
export const url = z.url({ protocol: /^https?$/ }).transform((text) => text.replace(/\/+$/, ''))
export const secret = { secret: true } as const
export const secretText = (description: string) =>
  z
    .string()
    .min(1)
    .optional()
    .meta({ description, ...secret })
