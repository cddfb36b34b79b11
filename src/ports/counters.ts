/**
 * Rates and concurrency. Lost counters start empty: money never depends on them.
 *
 * Time is the store's own: processes whose clocks disagree share one window and see one lease end.
 */
export type Reservation =
  | {
      readonly kind: 'window'
      readonly key: string
      /** At most `limit` units in any `windowMs` (sliding). */
      readonly limit: number
      readonly windowMs: number
      readonly units: number
    }
  | {
      readonly kind: 'lease'
      readonly key: string
      /** At most `limit` leases held at once; a lease ends by release or after `ttlMs`. */
      readonly limit: number
      readonly ttlMs: number
      /** Who holds it. The same holder again renews its lease. */
      readonly holder: string
    }

export type Reserved =
  | { readonly ok: true; readonly remaining: readonly number[] }
  /** `index` of the first reservation that does not fit; nothing was taken. */
  | {
      readonly ok: false
      readonly index: number
      readonly retryAfterMs: number
      readonly remaining: number
    }

export interface Counters {
  /** Takes all reservations of a request or none, atomically. */
  reserve(reservations: readonly Reservation[]): Promise<Reserved>
  /** Gives back what a reservation took (a refused hold, an ended call), or corrects its units. */
  release(reservations: readonly Reservation[]): Promise<void>
  /** What remains of each, as if nothing were taken: whatever `units` and `holder` say. */
  peek(reservations: readonly Reservation[]): Promise<readonly number[]>
  /** A value that disappears after `ttlMs`: heartbeats of runs, one-time codes. */
  set(key: string, value: string, ttlMs: number): Promise<void>
  get(key: string): Promise<string | undefined>
}
