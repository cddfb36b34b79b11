import type { Clock } from '../ports/clock.ts'

/** The time of the machine. */
export const createSystemClock = (): Clock => ({ now: () => new Date() })
