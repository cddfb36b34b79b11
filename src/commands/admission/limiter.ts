/**
 * Takes what a decision's limits ask for: all of them at once or none. What a call took is written down
 * with it, so that whoever ends the call gives back what it held and corrects what it was only expected
 * to use.
 */
import type { LimitToReserve } from '../../domain/policy/decision.ts'
import type { Admission } from '../../domain/invocation/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Reservation } from '../../ports/counters.ts'
import type { RateCounters } from './counters-or-own.ts'

/** A burst is counted in windows of this part of the whole. */
const BURST_PART = 10

export type Taken = Admission['taken'][number]

/** How the tightest limit stands after this request: for the answer's headers. */
export interface Rate {
  readonly policyId: string
  readonly per: LimitToReserve['per']
  readonly measure: LimitToReserve['measure']
  readonly limit: number
  /** Of a concurrency there is none. */
  readonly windowSeconds: number | undefined
  readonly remaining: number
  /** Seconds until there is more, at the latest. */
  readonly resetSeconds: number | undefined
}

/** Who holds leases, and for how long at most. */
export interface LeaseTerms {
  readonly holder: string
  readonly ttlMs: number
}

export interface Reservations {
  readonly reservations: readonly Reservation[]
  /** The limit that each of them is for. */
  readonly limits: readonly LimitToReserve[]
}

export function reservationsOf(limits: readonly LimitToReserve[], lease: LeaseTerms): Reservations {
  const reservations: Reservation[] = []
  const of: LimitToReserve[] = []
  const add = (limit: LimitToReserve, reservation: Reservation) => {
    reservations.push(reservation)
    of.push(limit)
  }
  for (const one of limits) {
    const { key, limit, burst, units } = one
    const windowMs = one.windowSeconds * 1_000
    if (one.measure === 'concurrency') add(one, { kind: 'lease', key, limit, ...lease })
    else {
      add(one, { kind: 'window', key, limit, windowMs, units })
      if (burst !== undefined && burst < limit) {
        const part = Math.ceil(windowMs / BURST_PART)
        add(one, { kind: 'window', key: `${key}/burst`, limit: burst, windowMs: part, units })
      }
    }
  }
  return { reservations, limits: of }
}

/**
 * undefined: no limit binds the request.
 * @throws Refusal rate_limited: nothing was taken
 */
export async function reserve(
  counters: RateCounters,
  { reservations, limits }: Reservations,
): Promise<Rate | undefined> {
  if (reservations.length === 0) return undefined
  const reserved = await counters.reserve(reservations)
  if (!reserved.ok) {
    const [limit, reservation] = [limits[reserved.index], reservations[reserved.index]]
    if (!limit || !reservation) throw new Error('a refusal is about one of the reservations')
    throw tooMuch(limit, reservation, reserved.retryAfterMs)
  }
  return tightest(limits, reservations, reserved.remaining)
}

function tooMuch(
  { ruling, per, measure, units }: LimitToReserve,
  reservation: Reservation,
  retryAfterMs: number,
): Refusal {
  const { limit } = reservation
  return new Refusal('rate_limited', {
    ...ruling,
    dimension: per,
    measure,
    limit,
    ...(reservation.kind === 'window' ? { windowSeconds: reservation.windowMs / 1_000 } : {}),
    ...(measure === 'tokens' ? { needed: units } : {}),
    retryAfterMs: Math.max(1, Math.ceil(retryAfterMs)),
  })
}

function tightest(
  limits: readonly LimitToReserve[],
  reservations: readonly Reservation[],
  remaining: readonly number[],
): Rate | undefined {
  let found: Rate | undefined
  let least = Infinity
  for (const [index, reservation] of reservations.entries()) {
    const limit = limits[index]
    const left = remaining[index] ?? 0
    const share = left / reservation.limit
    if (!limit || share >= least) continue
    least = share
    const windowSeconds = reservation.kind === 'window' ? reservation.windowMs / 1_000 : undefined
    found = {
      policyId: limit.ruling.policyId,
      per: limit.per,
      measure: limit.measure,
      limit: reservation.limit,
      windowSeconds,
      remaining: left,
      resetSeconds: windowSeconds,
    }
  }
  return found
}

/** As the call's acceptance keeps it: what can be given back stands first. */
export const takenOf = (reservations: Reservations): Taken[] =>
  reservations.reservations
    .map((one, index): Taken => {
      const measure = reservations.limits[index]?.measure ?? 'requests'
      const { key, limit } = one
      return one.kind === 'lease'
        ? { key, measure, limit, windowMs: one.ttlMs, units: 1 }
        : { key, measure, limit, windowMs: one.windowMs, units: one.units }
    })
    .toSorted((a, b) => ORDER[a.measure] - ORDER[b.measure])
    .slice(0, 200)

const ORDER = { concurrency: 0, tokens: 1, requests: 2 } as const

/**
 * The call has ended.
 * @param usedTokens 0 where the provider was never called; undefined where nobody knows, then what was
 *   expected stays
 */
export async function giveBack(
  counters: RateCounters,
  taken: readonly Taken[],
  holder: string,
  usedTokens: number | undefined,
): Promise<void> {
  const back: Reservation[] = []
  for (const { key, measure, limit, windowMs, units } of taken)
    if (measure === 'concurrency') back.push({ kind: 'lease', key, limit, ttlMs: windowMs, holder })
    else if (measure === 'tokens' && usedTokens !== undefined && usedTokens !== units)
      back.push({ kind: 'window', key, limit, windowMs, units: units - usedTokens })
  if (back.length > 0) await counters.release(back)
}
