/** What a request asks of the counters, as information: three reservations, all or none, in one round trip. */
import { createCounters } from '../../../src/engines/distributed/counters.ts'
import { openRedis } from '../../../src/engines/distributed/redis/connection.ts'
import type { Reservation } from '../../../src/ports/counters.ts'
import {
  type Bench,
  figure,
  inTurns,
  loops,
  rowOf,
  type Row,
  type Settings,
} from '../../harness.ts'
import { urlOf, withNamespace } from '../../servers.ts'
import { onlyErrors } from '../../system.ts'

const AT_ONCE = 16
const UNLIMITED = 1_000_000_000
const MINUTE_MS = 60_000

/** Requests and tokens of a minute, and a place among those that run. */
const reservations = (caller: number, n: number): readonly Reservation[] => [
  { kind: 'window', key: `requests ${caller}`, limit: UNLIMITED, windowMs: MINUTE_MS, units: 1 },
  { kind: 'window', key: `tokens ${caller}`, limit: UNLIMITED, windowMs: MINUTE_MS, units: 900 },
  { kind: 'lease', key: `running ${caller}`, limit: 64, ttlMs: MINUTE_MS, holder: `${n % 32}` },
]

async function reserve(settings: Settings, name: string, callers: number): Promise<Row[]> {
  return withNamespace(async (namespace) => {
    const redis = await openRedis({ url: urlOf('REDIS_URL'), namespace, logger: onlyErrors })
    const counters = createCounters({ redis })
    let refused = 0
    try {
      const compared = await inTurns(
        settings.rounds,
        () =>
          loops(callers, settings.turnMs, async (caller, n) => {
            const { ok } = await counters.reserve(reservations(caller, n))
            if (!ok) refused++
          }),
        () => loops(callers, settings.turnMs, () => redis.commands.ping()),
      )
      const bare = `PING p50 ${figure(compared.beside.p50 ?? Number.NaN)} ms`
      const notes = `${callers} in flight, three reservations each, ${refused} refused; ${bare}`
      const given = { name, unit: 'requests/s', besideName: 'PING by ioredis', notes }
      return [rowOf(given, compared, refused === 0)]
    } finally {
      await redis.close()
    }
  })
}

const row = (name: string, title: string, callers: number): Bench => ({
  names: [name],
  title,
  needs: ['REDIS_URL'],
  run: (settings) => reserve(settings, name, callers),
})

export const counterRows: readonly Bench[] = [
  row('reserve-1', 'three reservations of one request, one after another', 1),
  row(`reserve-${AT_ONCE}`, 'three reservations of one request, 16 in flight', AT_ONCE),
]
