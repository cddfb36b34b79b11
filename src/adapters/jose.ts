/**
 * Signed tokens by jose, EdDSA only, checked after RFC 8725: algorithm, type, issuer and audience are
 * fixed, keys are found by kid among our own, and headers that bring or name a key are ignored.
 * A verified access token is remembered under its full text only (verifying costs more than the rest of
 * a request), and its end is checked at every use.
 */
import { randomUUID } from 'node:crypto'
import type { JWTPayload, JWTVerifyGetKey } from 'jose'
import type { Clock } from '../ports/clock.ts'
import type { Sealer } from '../ports/sealer.ts'
import type { AccessClaims, RefreshClaims, Tokens } from '../ports/tokens.ts'
import { ALGORITHM, createSigningKeys } from './signing-keys.ts'

/** RFC 9068; and a type of our own, so that neither kind is ever taken for the other. */
const ACCESS = 'at+jwt'
const REFRESH = 'rt+jwt'
const CLOCK_TOLERANCE_S = 5
const REQUIRED = ['exp', 'iat', 'sub', 'sid', 'jti']
/** Ours have about 400 characters. */
const MAX_TOKEN_LENGTH = 2_048
const CACHED_TOKENS = 10_000
/**
 * Three parts of base64url, the last one 64 bytes in their only canonical spelling. Decoders also take
 * padding, white space and stray bits; a token has one text.
 */
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]$/

export function createJoseTokens(options: {
  sealer: Sealer
  clock: Clock
  /** Our public URL. */
  issuer: string
  /** The issuer, when not given. */
  audience?: string
  cachedTokens?: number
}): Tokens {
  const { issuer, audience = issuer, cachedTokens = CACHED_TOKENS } = options
  const keys = createSigningKeys(options)
  const verified = new Map<string, AccessClaims>()

  async function sign(typ: string, claims: AccessClaims, own: JWTPayload): Promise<string> {
    const [jose, { kid, privateKey }] = await Promise.all([import('jose'), keys.signing()])
    return new jose.SignJWT({ ...own, sid: claims.sessionId })
      .setProtectedHeader({ alg: ALGORITHM, typ, kid })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(claims.userId)
      .setIssuedAt(claims.issuedAt)
      .setExpirationTime(claims.expiresAt)
      .sign(privateKey)
  }

  async function verify(token: string, typ: string, now: Date): Promise<JWTPayload | undefined> {
    if (token.length > MAX_TOKEN_LENGTH || !COMPACT.test(token)) return undefined
    const jose = await import('jose')
    let kid: unknown
    try {
      kid = jose.decodeProtectedHeader(token).kid
    } catch {
      return undefined
    }
    if (typeof kid !== 'string') return undefined
    // Outside of the try: a store that does not answer is not the token's fault.
    const key = await keys.verifying(kid)
    if (!key) return undefined
    const ours: JWTVerifyGetKey = () => key
    try {
      const { payload } = await jose.jwtVerify(token, ours, {
        algorithms: [ALGORITHM],
        typ,
        issuer,
        audience,
        requiredClaims: REQUIRED,
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: now,
      })
      return payload
    } catch {
      return undefined
    }
  }

  function remember(token: string, claims: AccessClaims) {
    verified.set(token, claims)
    if (verified.size <= cachedTokens) return
    const oldest = verified.keys().next()
    if (!oldest.done) verified.delete(oldest.value)
  }

  return {
    signAccess: (claims) => sign(ACCESS, claims, { jti: randomUUID() }),
    // The same claims give the same token: who lost an answer gets it again.
    signRefresh: (claims) =>
      sign(REFRESH, claims, {
        jti: `${claims.sessionId}.${claims.generation}`,
        gen: claims.generation,
      }),

    async verifyAccess(token, now) {
      const known = verified.get(token)
      if (known) {
        if (isCurrent(known, now)) return known
        verified.delete(token)
        return undefined
      }
      const payload = await verify(token, ACCESS, now)
      const claims = payload && claimsOf(payload)
      if (claims) remember(token, claims)
      return claims
    },

    async verifyRefresh(token, now): Promise<RefreshClaims | undefined> {
      const payload = await verify(token, REFRESH, now)
      const claims = payload && claimsOf(payload)
      const generation = payload?.['gen']
      if (!claims || !isWhole(generation)) return undefined
      return { ...claims, generation }
    },

    jwks: async () => ({ keys: await keys.published() }),
    rotate: () => keys.rotate(),
  }
}

/** As jose judges `exp`. */
const isCurrent = (claims: AccessClaims, now: Date): boolean =>
  claims.expiresAt > Math.floor(now.getTime() / 1000) - CLOCK_TOLERANCE_S

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value)

function claimsOf(payload: JWTPayload): AccessClaims | undefined {
  const { sub, sid, iat, exp, jti } = payload
  if (typeof sub !== 'string' || typeof sid !== 'string' || typeof jti !== 'string')
    return undefined
  if (!isWhole(iat) || !isWhole(exp)) return undefined
  return { userId: sub, sessionId: sid, issuedAt: iat, expiresAt: exp }
}
