/**
 * Paddle's signature of a notification: `ts=<unix seconds>;h1=<hex>`, where h1 is the HMAC-SHA-256 of
 * ts, a colon and the body's very bytes. While a secret is replaced there are several h1, here or there:
 * every one is tried with every secret, in constant time. It never throws and never says what was wrong.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { SignedMessages } from '../../ports/signed-messages.ts'

/** Far more than a header of a few signatures has; nothing longer is looked at. */
const MAX_HEADER = 1_024
const MAX_PARTS = 16
/** Clocks differ by seconds. However old a message may be, one from the future is never much ahead. */
const MAX_AHEAD_S = 30
const HEX_DIGEST = /^[0-9a-f]{64}$/

interface Signature {
  /** As it was signed, digit for digit. */
  readonly ts: string
  readonly digests: readonly Buffer[]
}

/** @returns undefined where there is no time or no signature in it. Unknown parts are Paddle's future. */
function parse(header: string): Signature | undefined {
  if (header.length > MAX_HEADER) return undefined
  const parts = header.split(';', MAX_PARTS + 1)
  if (parts.length > MAX_PARTS) return undefined
  let ts: string | undefined
  const digests: Buffer[] = []
  for (const part of parts) {
    const equals = part.indexOf('=')
    const name = part.slice(0, equals).trim()
    const value = part.slice(equals + 1).trim()
    if (name === 'ts') {
      // Two times: nobody could say which one was signed.
      if (ts !== undefined || !/^\d{1,12}$/.test(value)) return undefined
      ts = value
    } else if (name === 'h1' && HEX_DIGEST.test(value)) digests.push(Buffer.from(value, 'hex'))
  }
  return ts === undefined || digests.length === 0 ? undefined : { ts, digests }
}

const digestOf = (secret: string, ts: string, body: Uint8Array): Buffer =>
  createHmac('sha256', secret).update(`${ts}:`).update(body).digest()

export function verify(
  header: string | undefined,
  body: Uint8Array,
  secrets: readonly string[],
  now: Date,
  toleranceS: number,
): boolean {
  const signature = header === undefined ? undefined : parse(header)
  if (!signature) return false
  const age = Math.floor(now.getTime() / 1_000) - Number(signature.ts)
  if (age > toleranceS || -age > Math.min(toleranceS, MAX_AHEAD_S)) return false
  let genuine = false
  for (const secret of secrets) {
    const expected = digestOf(secret, signature.ts, body)
    for (const digest of signature.digests)
      if (digest.length === expected.length && timingSafeEqual(digest, expected)) genuine = true
  }
  return genuine
}

/** The header with which Paddle would send this body now: one h1 for each secret. */
export function sign(body: Uint8Array | string, secrets: readonly string[], now: Date): string {
  const ts = String(Math.floor(now.getTime() / 1_000))
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body
  const digests = secrets.map((secret) => `h1=${digestOf(secret, ts, bytes).toString('hex')}`)
  return [`ts=${ts}`, ...digests].join(';')
}

export const createPaddleSignatures = (
  secrets: readonly string[],
  toleranceS: number,
): SignedMessages => ({
  isGenuine: (header, body, now) => verify(header, body, secrets, now, toleranceS),
})
