/** The time of day. Commands take it here once and pass it on; deciders and projections read no clock. */
export interface Clock {
  now(): Date
  /** Milliseconds by a clock that nobody sets: for ages and limits. The machine's, unless a test tells the time. */
  readonly elapsedMs?: () => number
}
