/**
 * Rates, leases and short-lived values in memory. Lost counters start empty.
 *
 * A window is a log of what was taken and when, so no two windows' worth can be taken around an edge:
 * in any span of `windowMs` at most `limit` units pass. What is taken close together (1/64 of the
 * window) shares one entry that lives as long as its youngest unit: at most 65 entries a key, never
 * more than the limit, and at a steady maximum at most 1/64 less.
 */
import type { Clock } from '../../ports/clock.ts'
import type { Counters, Reservation, Reserved } from '../../ports/counters.ts'

const RESOLUTION = 64
/** Keys kept of each kind; past that the ones untouched for longest go. */
const MAX_KEYS = 100_000
/** A lease can come free at any moment, long before its time is over. */
const LEASE_RETRY_MS = 1_000

type WindowReservation = Extract<Reservation, { kind: 'window' }>
type LeaseReservation = Extract<Reservation, { kind: 'lease' }>
interface Entry {
  readonly from: number
  until: number
  units: number
}
/** Taken, with the way to give it back; or how long to wait. */
type Taken = { remaining: number; undo: () => void } | { remaining: number; retryAfterMs: number }

export function createCounters(clock: Clock): Counters {
  const windows = new Recent<Entry[]>()
  const leases = new Recent<Map<string, number>>()
  const values = new Recent<string>()
  const time = () => clock.now().getTime()
  const take = (reservation: Reservation, now: number) =>
    reservation.kind === 'window'
      ? takeWindow(windows, reservation, now)
      : takeLease(leases, reservation, now)

  return {
    reserve: async (reservations): Promise<Reserved> => {
      const now = time()
      const undos: (() => void)[] = []
      const remaining: number[] = []
      for (const [index, reservation] of reservations.entries()) {
        const taken = take(reservation, now)
        if ('retryAfterMs' in taken) {
          for (const undo of undos.toReversed()) undo()
          return { ok: false, index, ...taken }
        }
        undos.push(taken.undo)
        remaining.push(taken.remaining)
      }
      return { ok: true, remaining }
    },
    release: async (reservations) => {
      const now = time()
      for (const reservation of reservations) {
        if (reservation.kind === 'lease') {
          leases.get(reservation.key, now)?.delete(reservation.holder)
        } else if (reservation.units >= 0) {
          giveBack(windows.get(windowKey(reservation), now) ?? [], reservation.units)
        } else {
          // A correction upwards: it was used already, so it counts even past the limit.
          add(entriesOf(windows, reservation, now), -reservation.units, now, reservation.windowMs)
        }
      }
    },
    peek: async (reservations) => {
      const now = time()
      return reservations.map((reservation) => {
        const used =
          reservation.kind === 'window'
            ? unitsOf(entriesOf(windows, reservation, now))
            : holdersOf(leases, reservation, now).size
        return Math.max(0, reservation.limit - used)
      })
    },
    set: async (key, value, ttlMs) => {
      const now = time()
      values.set(key, value, now + ttlMs, now)
    },
    get: async (key) => values.get(key, time()),
  }
}

const windowKey = ({ key, windowMs }: WindowReservation) => `${windowMs} ${key}`

function entriesOf(windows: Recent<Entry[]>, reservation: WindowReservation, now: number): Entry[] {
  const key = windowKey(reservation)
  const entries = windows.get(key, now) ?? []
  const gone = entries.findIndex((entry) => entry.until + reservation.windowMs > now)
  entries.splice(0, gone === -1 ? entries.length : gone)
  windows.set(key, entries, now + reservation.windowMs * (1 + 1 / RESOLUTION), now)
  return entries
}

const unitsOf = (entries: readonly Entry[]): number =>
  entries.reduce((sum, entry) => sum + entry.units, 0)

function takeWindow(windows: Recent<Entry[]>, reservation: WindowReservation, now: number): Taken {
  const { limit, units, windowMs } = reservation
  const entries = entriesOf(windows, reservation, now)
  const used = unitsOf(entries)
  if (used + units > limit) {
    let free = limit - used
    const enough = entries.find((entry) => (free += entry.units) >= units)
    const retryAfterMs = enough ? enough.until + windowMs - now : windowMs
    return { remaining: Math.max(0, limit - used), retryAfterMs }
  }
  return { remaining: limit - used - units, undo: add(entries, units, now, windowMs) }
}

/** Answers how to make it as it was, as long as nothing else was added. */
function add(entries: Entry[], units: number, now: number, windowMs: number): () => void {
  const last = entries.at(-1)
  if (last && now - last.from < windowMs / RESOLUTION) {
    const { until } = last
    last.units += units
    last.until = Math.max(until, now)
    return () => {
      last.units -= units
      last.until = until
    }
  }
  entries.push({ from: now, until: now, units })
  return () => void entries.pop()
}

/** From the youngest: what is given back was taken last. */
function giveBack(entries: Entry[], units: number): void {
  let left = units
  for (let i = entries.length - 1; i >= 0 && left > 0; i--) {
    const entry = entries[i]
    if (entry === undefined) continue
    const part = Math.min(entry.units, left)
    entry.units -= part
    left -= part
    if (entry.units === 0) entries.splice(i, 1)
  }
}

function holdersOf(
  leases: Recent<Map<string, number>>,
  { key }: LeaseReservation,
  now: number,
): Map<string, number> {
  const held = leases.get(key, now) ?? new Map<string, number>()
  for (const [other, until] of held) if (until <= now) held.delete(other)
  return held
}

function takeLease(
  leases: Recent<Map<string, number>>,
  reservation: LeaseReservation,
  now: number,
): Taken {
  const { key, limit, ttlMs, holder } = reservation
  const held = holdersOf(leases, reservation, now)
  const before = held.get(holder)
  if (before === undefined && held.size >= limit) {
    const earliest = Math.min(now + LEASE_RETRY_MS, ...held.values())
    return { remaining: 0, retryAfterMs: Math.max(1, earliest - now) }
  }
  const keep = () => leases.set(key, held, Math.max(now, ...held.values()), now)
  held.set(holder, now + ttlMs)
  keep()
  return {
    remaining: limit - held.size,
    undo: () => {
      if (before === undefined) held.delete(holder)
      else held.set(holder, before)
      // What was renewed for a shorter time than before is held as long as before again.
      keep()
    },
  }
}

/** A map that forgets: what has expired, and past MAX_KEYS what was set longest ago. */
class Recent<V> {
  readonly #entries = new Map<string, { value: V; expiresAt: number }>()

  get(key: string, now: number): V | undefined {
    const entry = this.#entries.get(key)
    return entry && entry.expiresAt > now ? entry.value : undefined
  }

  set(key: string, value: V, expiresAt: number, now: number): void {
    this.#entries.delete(key)
    this.#entries.set(key, { value, expiresAt })
    // Two looks at the old end for each new entry: expired ones go as fast as new ones come.
    for (let looks = 0; looks < 2; looks++) {
      const oldest = this.#entries.entries().next().value
      if (oldest === undefined || oldest[0] === key) return
      if (oldest[1].expiresAt > now && this.#entries.size <= MAX_KEYS) return
      this.#entries.delete(oldest[0])
    }
  }
}
