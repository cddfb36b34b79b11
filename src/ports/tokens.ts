/** Signed tokens (JWT). Access tokens say who and which session, never which role. */
export interface AccessClaims {
  readonly userId: string
  readonly sessionId: string
  /** Epoch seconds. */
  readonly issuedAt: number
  readonly expiresAt: number
}
export interface RefreshClaims {
  readonly userId: string
  readonly sessionId: string
  readonly generation: number
  readonly issuedAt: number
  readonly expiresAt: number
}

export interface Tokens {
  signAccess(claims: AccessClaims): Promise<string>
  signRefresh(claims: RefreshClaims): Promise<string>
  /**
   * undefined for anything but a valid, unexpired token of ours of this kind, whatever it is made of.
   * Throws only when our own keys cannot be read.
   */
  verifyAccess(token: string, now: Date): Promise<AccessClaims | undefined>
  verifyRefresh(token: string, now: Date): Promise<RefreshClaims | undefined>
  /** JSON Web Key Set of the public keys, for /.well-known/jwks.json. */
  jwks(): Promise<{ keys: readonly Record<string, unknown>[] }>
  /** Makes a new signing key; the old one verifies until its tokens have expired. */
  rotate(): Promise<string>
}
