/**
 * Bulky or perishable parts (input, rendered messages, output, webhook bodies), sealed by the caller.
 * One part per key, immutable, durable before `put` answers, and so before the event that names it.
 */
export interface ContentStore {
  /** Stores a part. The same key with the same bytes again changes nothing. */
  put(key: string, bytes: Uint8Array): Promise<void>
  /** undefined where the part was deleted (retention, erasure) or never stored. */
  get(key: string): Promise<Uint8Array | undefined>
  /** Deletes parts; unknown keys are ignored. */
  delete(keys: readonly string[]): Promise<void>
  /** Keys with this prefix in order, after `after`, at most `limit`, with the time of storing. */
  list(options: {
    prefix: string
    after?: string
    limit: number
  }): Promise<readonly { key: string; storedAt: number }[]>
}
