/**
 * A pair of tokens for one generation of a session. All claims come from what the log says of that
 * generation, so whoever lost an answer gets the same refresh token again; nothing of it is stored.
 */
import type { Deps } from '../deps.ts'

const ACCESS_S = 15 * 60

export interface Generation {
  readonly userId: string
  readonly sessionId: string
  readonly generation: number
  /** When this generation was made, and when it ends unused. */
  readonly issuedAt: string
  readonly idleUntil: string
}
export interface TokenPair {
  readonly accessToken: string
  readonly refreshToken: string
  /** Seconds, from the time of issue. */
  readonly expiresInS: number
  readonly refreshExpiresInS: number
}

const seconds = (at: string): number => Math.floor(Date.parse(at) / 1000)

export async function issueTokens(
  { tokens }: Pick<Deps, 'tokens'>,
  { userId, sessionId, generation, ...times }: Generation,
): Promise<TokenPair> {
  const issuedAt = seconds(times.issuedAt)
  const ends = seconds(times.idleUntil)
  const expiresAt = Math.min(issuedAt + ACCESS_S, ends)
  const who = { userId, sessionId, issuedAt }
  const [accessToken, refreshToken] = await Promise.all([
    tokens.signAccess({ ...who, expiresAt }),
    tokens.signRefresh({ ...who, generation, expiresAt: ends }),
  ])
  return {
    accessToken,
    refreshToken,
    expiresInS: expiresAt - issuedAt,
    refreshExpiresInS: ends - issuedAt,
  }
}
