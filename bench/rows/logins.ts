/** Signing in beside bare argon2, and how others fare meanwhile. */
import argon2 from 'argon2'
import { assertSound, credentials, PEOPLE, rawRequest, serving, withHelpers } from '../business.ts'
import type { Loaded } from '../children/load.ts'
import { type Bench, collect, inTurns, loops, median, rowOf, type Row } from '../harness.ts'
import type { Settings } from '../harness.ts'

const AT_ONCE = 8
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

async function logins(settings: Settings): Promise<Row[]> {
  const ms = Math.max(settings.turnMs, 1_500)
  const password = credentials(0).password
  const hash = await argon2.hash(password, { type: argon2.argon2id, ...PARAMETERS })
  return withHelpers(['load', 'load'], async (load, others) => {
    if (!load || !others) throw new Error('no helpers')
    const idle: number[] = []
    const busy: number[] = []
    const compared = await inTurns(
      settings.serverRounds,
      async () => {
        const product = await serving(settings)
        const { port, token } = product
        const probe = (length: number) =>
          others.ask<Loaded>({
            port,
            requests: [rawRequest('GET /me', undefined, token)],
            connections: 1,
            ms: length,
            pause: 10,
          })
        try {
          const requests = Array.from({ length: PEOPLE }, (_, person) =>
            rawRequest('POST /auth/login', credentials(person)),
          )
          const login = (length: number) =>
            load.ask<Loaded>({ port, requests, connections: AT_ONCE, ms: length })
          assertSound(await login(500))
          await probe(300)
          await collect()
          idle.push((await probe(ms / 2)).whole.p50)
          const [loaded, meanwhile] = await Promise.all([login(ms), probe(ms)])
          assertSound(loaded)
          assertSound(meanwhile)
          busy.push(meanwhile.whole.p50)
          return { value: loaded.perSecond, ...loaded.whole }
        } finally {
          await product.stop()
        }
      },
      () => loops(AT_ONCE, ms, () => argon2.verify(hash, password)),
    )
    const ratios = busy.map((value, round) => value / (idle[round] ?? Number.NaN))
    return [
      rowOf(
        {
          name: 'login',
          unit: 'logins/s',
          besideName: 'bare argon2 verify, 8 in flight',
          target: { of: 'ratio', least: 0.8 },
          notes: '19 MiB, 2 passes, 1 lane; the server hashes as many at once as there are cores',
        },
        compared,
      ),
      rowOf(
        {
          name: 'login-others',
          unit: 'ms p50',
          besideName: 'the same GET /me while idle',
          target: { of: 'ratio', most: 2 },
        },
        { ours: { value: median(busy) }, beside: { value: median(idle) }, ratios },
      ),
    ]
  })
}

export const loginRows: readonly Bench[] = [
  {
    names: ['login', 'login-others'],
    title: 'signing in, and other requests meanwhile',
    run: logins,
  },
]
