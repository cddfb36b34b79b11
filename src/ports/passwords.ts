/** Password hashing (argon2id). Bounded: at most as many hashes at once as cores, a short queue, then a refusal. */
export interface Passwords {
  /** @throws Refusal('too_many_hashes') when the queue is full */
  hash(password: string): Promise<string>
  /** Verifies against `hash`, or against a dummy of equal cost when undefined (always false). */
  verify(password: string, hash: string | undefined): Promise<{ ok: boolean; rehash: boolean }>
  /** Hashes now, for the metrics; absent where nobody counts. */
  load?(): { running: number; waiting: number }
}
