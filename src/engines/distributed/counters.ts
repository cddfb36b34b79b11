/**
 * Rates, leases and short-lived values in Redis, exact across processes: one script takes everything a
 * request needs or nothing. Time is Redis' own. A Redis that is away refuses within half a second and
 * forgets nothing for it; one that was emptied starts empty.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Counters, Reservation, Reserved } from '../../ports/counters.ts'
import { type RedisParts, unavailable } from './redis/connection.ts'
import { GET_VALUE, PEEK, RELEASE, RESERVE, SET_VALUE } from './redis/counter-scripts.ts'
import { script } from './redis/script.ts'

/** Under a test's clock keys must outlive what the machine's own clock says of them. */
const TEST_SLACK_MS = 60_000

export interface CountersOptions {
  readonly redis: RedisParts
  /** Tests move time with it; otherwise Redis' own clock counts. */
  readonly clock?: Clock | undefined
}

export function createCounters({ redis, clock }: CountersOptions): Counters {
  const { commands } = redis
  const [reserve, release] = [script(commands, RESERVE), script(commands, RELEASE)]
  const peek = script(commands, PEEK)
  const [set, get] = [script(commands, SET_VALUE), script(commands, GET_VALUE)]
  const keyOf = (reservation: Reservation) =>
    redis.key(
      reservation.kind === 'window'
        ? `rate:${reservation.windowMs} ${reservation.key}`
        : `lease:${reservation.key}`,
    )
  const valueKey = (key: string) => redis.key(`value:${key}`)
  const time = () => (clock ? [clock.now().getTime(), TEST_SLACK_MS] : ['', 0])
  const asked = async (answer: Promise<unknown>): Promise<unknown> => {
    try {
      return await answer
    } catch (error) {
      throw unavailable(error)
    }
  }

  return {
    async reserve(reservations) {
      if (reservations.length === 0) return { ok: true, remaining: [] }
      const values = [...time(), ...reservations.flatMap(valuesOf)]
      return reservedOf(await asked(reserve(reservations.map(keyOf), values)))
    },
    async release(reservations) {
      if (reservations.length === 0) return
      await asked(release(reservations.map(keyOf), [...time(), ...reservations.flatMap(valuesOf)]))
    },
    async peek(reservations) {
      if (reservations.length === 0) return []
      const values = [...time(), ...reservations.flatMap(valuesOf)]
      return ((await asked(peek(reservations.map(keyOf), values))) as string[]).map(Number)
    },
    async set(key, value, ttlMs) {
      await asked(set([valueKey(key)], [...time(), value, ttlMs]))
    },
    async get(key) {
      const value = await asked(get([valueKey(key)], time()))
      return typeof value === 'string' ? value : undefined
    },
  }
}

const valuesOf = (reservation: Reservation): (string | number)[] =>
  reservation.kind === 'window'
    ? [reservation.kind, reservation.limit, reservation.windowMs, reservation.units]
    : [reservation.kind, reservation.limit, reservation.ttlMs, reservation.holder]

function reservedOf(answer: unknown): Reserved {
  const [ok, ...numbers] = (answer as string[]).map(Number)
  if (ok === 1) return { ok: true, remaining: numbers }
  const [index = 0, remaining = 0, retryAfterMs = 0] = numbers
  return { ok: false, index, remaining, retryAfterMs }
}
