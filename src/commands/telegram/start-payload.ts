/**
 * What a deep link of the bot carries: `link_{code}` ties a Telegram account to whoever made the code; an
 * invitation is its mail's token, packed, since Telegram takes 64 characters of letters, digits, _ and -.
 */
import { base32FromHex } from '../../domain/ids.ts'

export type StartPayload =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'link'; readonly code: string }
  | { readonly kind: 'invitation'; readonly token: string }
  | { readonly kind: 'unknown' }

const LINK = 'link_'
/** 16 bytes of the mail's id and 32 of the token's HMAC. */
const ID_BYTES = 16
const PACKED = /^[A-Za-z0-9_-]{64}$/
const TOKEN = /^mai_([0-9a-hjkmnp-tv-z]{26})\.([0-9a-f]{64})$/
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

export function readPayload(text: string): StartPayload {
  if (text === '') return { kind: 'nothing' }
  if (text.startsWith(LINK)) return { kind: 'link', code: text.slice(LINK.length) }
  if (!PACKED.test(text)) return { kind: 'unknown' }
  const bytes = Buffer.from(text, 'base64url')
  const id = base32FromHex(bytes.subarray(0, ID_BYTES).toString('hex'))
  return { kind: 'invitation', token: `mai_${id}.${bytes.subarray(ID_BYTES).toString('hex')}` }
}

/** The packed token of an invitation's mail; undefined where it is none. */
export function packToken(token: string): string | undefined {
  const [, id, mac = ''] = TOKEN.exec(token) ?? []
  if (id === undefined) return undefined
  let value = 0n
  for (const letter of id) value = (value << 5n) | BigInt(ALPHABET.indexOf(letter))
  const hex = value
    .toString(16)
    .padStart(ID_BYTES * 2, '0')
    .slice(-ID_BYTES * 2)
  return Buffer.from(hex + mac, 'hex').toString('base64url')
}
