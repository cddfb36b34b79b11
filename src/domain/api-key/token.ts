/**
 * What a key looks like: `daybook_`, the key's id without its prefix, 256 random bits in base62, and a
 * CRC-32 of all before it. One expression finds it in any text, and the checksum tells a key from what
 * only looks like one, without asking anybody. The checksum protects nothing: the secret does.
 */
import { idSchema, prefixes } from '../ids.ts'

const PREFIX = 'daybook_'
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** For secret scanners, as SECURITY.md has it. */
export const API_KEY_PATTERN = /\bdaybook_[0-9a-hjkmnp-tv-z]{26}_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}\b/
const TOKEN = /^daybook_([0-9a-hjkmnp-tv-z]{26})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/

export interface KeyToken {
  readonly keyId: string
  readonly secret: string
}

/** Whether it is meant to be a key, whatever it is. */
export const looksLikeKey = (text: string): boolean => text.startsWith(PREFIX)

/** @param random 256 bits, base64url */
export function secretFrom(random: string): string {
  let bits = 0n
  for (const character of random) {
    const value = BASE64URL.indexOf(character)
    if (value < 0) throw new TypeError('a secret comes as base64url')
    bits = bits * 64n + BigInt(value)
  }
  // 43 characters are 258 bits: the last two are filling.
  return base62(BigInt.asUintN(256, bits >> 2n), SECRET_LENGTH)
}

export function tokenOf({ keyId, secret }: KeyToken): string {
  const text = `${PREFIX}${bare(keyId)}_${secret}`
  return `${text}_${checksum(text)}`
}

/** undefined for everything that was not made by `tokenOf`, as far as can be seen without looking it up. */
export function parseToken(text: string): KeyToken | undefined {
  const [, id, secret, sum] = TOKEN.exec(text) ?? []
  if (id === undefined || secret === undefined) return undefined
  if (checksum(text.slice(0, -CHECKSUM_LENGTH - 1)) !== sum) return undefined
  const keyId = `${prefixes.apiKey}_${id}`
  return idSchema('apiKey').safeParse(keyId).success ? { keyId, secret } : undefined
}

/** What may be shown of a key: enough to find it where it leaked, nothing of its secret. */
export const displayOf = (keyId: string): string => `${PREFIX}${bare(keyId)}_…`

const bare = (keyId: string): string => keyId.slice(prefixes.apiKey.length + 1)

function base62(value: bigint, length: number): string {
  let text = ''
  for (let left = value; left > 0n; left /= 62n) text = BASE62.charAt(Number(left % 62n)) + text
  return text.padStart(length, BASE62.charAt(0))
}

const checksum = (text: string): string => base62(BigInt(crc32(text)), CHECKSUM_LENGTH)

/** As zlib and PNG have it; of ASCII. */
function crc32(text: string): number {
  let crc = 0xff_ff_ff_ff
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i)
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xed_b8_83_20 : 0)
  }
  return (crc ^ 0xff_ff_ff_ff) >>> 0
}
