/**
 * Paddle's times have 0 to 9 digits of a second and are compared as texts only after they all have nine:
 * `33Z` would sort after `33.25Z`, and a Date would cut to milliseconds.
 */
import { preciseInstantText } from '../payment/events.ts'

const PARTS = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})$/

/** In UTC with nine digits; undefined for what is no such time. */
export function preciseInstant(text: string): string | undefined {
  const parts = PARTS.exec(text)
  if (!parts) return undefined
  const [, second = '', fraction = '', zone = 'Z'] = parts
  const inUtc = new Date(`${second}${zone}`)
  if (Number.isNaN(inUtc.getTime())) return undefined
  const precise = `${inUtc.toISOString().slice(0, 19)}.${fraction.padEnd(9, '0')}Z`
  // The 31st of June is no time, though a Date makes one of it.
  const isReal = zone !== 'Z' || precise.startsWith(second)
  return isReal && preciseInstantText.safeParse(precise).success ? precise : undefined
}

/** The same time as our own events have it, cut to milliseconds. */
export const instantOf = (precise: string): string => `${precise.slice(0, 23)}Z`
