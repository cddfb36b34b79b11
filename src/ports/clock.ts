/** The time of day. Commands take it here once and pass it on; deciders and projections read no clock. */
export interface Clock {
  now(): Date
}
