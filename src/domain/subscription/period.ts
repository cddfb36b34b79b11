/**
 * Calendar periods in UTC. A month counts from the anchor's day; where a month is too short for that
 * day its last one stands in, and the day comes back in the next month that has it (31 Jan, 28 Feb,
 * 31 Mar). Pure: times come as ISO texts and go as ISO texts.
 */
const DAY_MS = 24 * 60 * 60_000

/** start ≤ time < end. */
export interface Period {
  readonly start: string
  readonly end: string
}

const iso = (ms: number): string => new Date(ms).toISOString()

/** Midnight UTC of its day. */
export function startOfDay(at: string): string {
  const ms = Date.parse(at)
  return iso(ms - (((ms % DAY_MS) + DAY_MS) % DAY_MS))
}

export const addDays = (at: string, days: number): string => iso(Date.parse(at) + days * DAY_MS)

export const daysInMonth = (year: number, month: number): number =>
  new Date(Date.UTC(year, month + 1, 0)).getUTCDate()

/** The same day and time so many months on, or the last day of a month that is too short. */
export function addMonths(at: string, months: number): string {
  const date = new Date(at)
  const first = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1))
  const [year, month] = [first.getUTCFullYear(), first.getUTCMonth()]
  const day = Math.min(date.getUTCDate(), daysInMonth(year, month))
  return iso(Date.UTC(year, month, day) + (date.getTime() - Date.parse(startOfDay(at))))
}

const monthsBetween = (from: Date, to: Date): number =>
  (to.getUTCFullYear() - from.getUTCFullYear()) * 12 + to.getUTCMonth() - from.getUTCMonth()

/** The monthly period that `at` lies in, counted from the anchor's day. Before the anchor they count back. */
export function monthlyPeriod(anchor: string, at: string): Period {
  const day = startOfDay(anchor)
  const months = monthsBetween(new Date(day), new Date(at))
  // Each period is counted from the anchor itself, so that a short month shortens no later one.
  const start = addMonths(day, months) <= at ? months : months - 1
  return { start: addMonths(day, start), end: addMonths(day, start + 1) }
}
