/**
 * One normal form of an address, used by the look-up, the claim and the log alike: two spellings of
 * one address must never become two accounts. Plus-tags and dots are kept: they are another address.
 */
import { z } from 'zod'

/** NFKC, trimmed, lower case; applied twice it changes nothing more. */
export const normalizeEmail = (text: string): string =>
  text.normalize('NFKC').trim().toLowerCase().normalize('NFKC')

/**
 * An address as a person sends it, normalised while it is parsed. ASCII after normalisation: an
 * internationalised domain is written in punycode. No white space, so no header can be injected.
 */
export const emailText = z
  .string()
  .max(320)
  .overwrite(normalizeEmail)
  .max(254)
  .regex(z.regexes.email, 'an e-mail address')
  .meta({ description: 'E-mail address', example: 'ada@example.com' })

/** Keyed HMAC of a normalised address: its name in streams and look-ups. */
export const emailHmacText = z.string().regex(/^[0-9a-f]{64}$/)

/**
 * A language that the product speaks to a person: the name of a file in src/messages/. Events take any
 * such tag, so that a new language needs no new event version; the front door knows which there are.
 */
export const localeText = z.string().regex(/^[a-z]{2,3}(-[A-Z]{2})?$/, 'a language such as "en"')
export type Locale = string
