/**
 * Ids are a prefix and 26 characters of base32 (Crockford, lower case) of a 128-bit uuid. Ids that a
 * command creates come from the uuidv5 of that command, so a retry makes the same id.
 */
import { z } from 'zod'
import { clear } from './personal.ts'

export const prefixes = {
  user: 'usr',
  organization: 'org',
  session: 'ses',
  agent: 'agt',
  invocation: 'inv',
  plan: 'pln',
  priceList: 'prl',
  model: 'mdl',
  apiKey: 'key',
  policy: 'pol',
  mail: 'mai',
  claim: 'clm',
  lot: 'lot',
  adjustment: 'adj',
  invitation: 'ivt',
  checkout: 'chk',
} as const
export type Noun = keyof typeof prefixes
export type Id<N extends Noun> = string & { readonly __id?: N }

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** 32 hex digits → 26 characters of base32, most significant first. */
export function base32FromHex(hex: string): string {
  let value = BigInt(`0x${hex}`)
  let text = ''
  for (let i = 0; i < 26; i++) {
    text = ALPHABET[Number(value & 31n)] + text
    value >>= 5n
  }
  return text
}

/** The id of a noun from a uuid in its usual text form. */
export const idFromUuid = <N extends Noun>(noun: N, uuid: string): Id<N> =>
  `${prefixes[noun]}_${base32FromHex(uuid.replaceAll('-', ''))}`

/** The schema of an id in HTTP and events. */
export const idSchema = (noun: Noun) =>
  z
    .string()
    .regex(
      new RegExp(`^${prefixes[noun]}_[0-9a-hjkmnp-tv-z]{26}$`),
      `an id that begins with ${prefixes[noun]}_`,
    )
/** An id as a field of an event. */
export const idField = (noun: Noun) => clear(idSchema(noun))

/** ISO 8601 in UTC with milliseconds, as events store times. */
export const instantText = z.iso.datetime({ precision: 3 })
export const instant = clear(instantText)
