/**
 * One account that several processes spend from at once, through the product's own lanes: nobody may be
 * refused because another process was quicker, and more processes must not stand in each other's way.
 */
import { randomBytes } from 'node:crypto'
import { withHelpers } from '../../business.ts'
import type { Helper } from '../../children.ts'
import type { Done, Work } from '../../children/account.ts'
import {
  type Bench,
  collect,
  median,
  rowOf,
  type Row,
  type Sample,
  type Settings,
  spreadOf,
  typical,
} from '../../harness.ts'
import { newAccount } from '../../holds.ts'
import { urlOf, withLog, withNamespace } from '../../servers.ts'

/** Of all processes together. */
const CALLERS = 64
const MOST = 3
const LEAST = 0.3
const WARM_UP_MS = 300
/** A command is refused when it was too late for two seconds: shorter turns would never show it. */
const TURN_MS = 6_000
const QUICK_TURN_MS = 3_000

interface Turn extends Sample {
  readonly conflicts: number
  readonly failed: number
  readonly firstFailure: string | undefined
}

/** All that take part are opened for the turn: a process that looks on would cost the others. */
async function turn(
  settings: Settings,
  processes: readonly Helper[],
  open: Work & { do: 'open' },
): Promise<Turn> {
  const turnMs = settings.quick ? QUICK_TURN_MS : TURN_MS
  const orgId = newAccount()
  await Promise.all(processes.map((one) => one.ask(open)))
  await processes[0]?.ask({ do: 'prepare', orgId } satisfies Work)
  const run = (ms: number) =>
    Promise.all(
      processes.map((one, index) => {
        const callers = Math.ceil((CALLERS - index) / processes.length)
        return one.ask<Done>({ do: 'run', orgId, callers, ms } satisfies Work)
      }),
    )
  await run(WARM_UP_MS)
  const begun = performance.now()
  const done = await run(turnMs)
  const seconds = (performance.now() - begun) / 1_000
  await Promise.all(processes.map((one) => one.ask({ do: 'close' } satisfies Work)))
  const latencies = done.flatMap((one) => one.latencies)
  const sum = (name: 'conflicts' | 'failed') => done.reduce((total, one) => total + one[name], 0)
  return {
    value: latencies.length / seconds,
    ...spreadOf(latencies),
    conflicts: sum('conflicts'),
    failed: sum('failed'),
    firstFailure: done.find((one) => one.firstFailure)?.firstFailure,
  }
}

const hotAccount = (settings: Settings): Promise<Row[]> =>
  withNamespace((namespace) =>
    withLog(settings, (eventStoreDbUrl) =>
      withHelpers(
        Array.from({ length: MOST }, () => 'account'),
        async (...processes) => {
          const open = {
            do: 'open',
            namespace,
            eventStoreDbUrl,
            mongoDbUrl: urlOf('MONGODB_URL'),
            keysMongoDbUrl: undefined,
            redisUrl: urlOf('REDIS_URL'),
            masterKey: randomBytes(32).toString('base64'),
          } as const
          const turns = Array.from({ length: MOST }, (): Turn[] => [])
          for (let round = 0; round < settings.serverRounds; round++)
            for (const [index, made] of turns.entries()) {
              await collect()
              made.push(await turn(settings, processes.slice(0, index + 1), open))
            }
          const [alone = [], ...more] = turns
          return more.map((shared, index) => rowFor(index + 2, shared, alone))
        },
      ),
    ),
  )

function rowFor(processes: number, shared: readonly Turn[], alone: readonly Turn[]): Row {
  const all = [...shared, ...alone]
  const sum = (name: 'conflicts' | 'failed') => all.reduce((total, one) => total + one[name], 0)
  const failure = all.find((one) => one.firstFailure)?.firstFailure
  const of = (name: 'p50' | 'p99') => median(alone.map((one) => one[name] ?? Number.NaN)).toFixed(0)
  return rowOf(
    {
      name: `log-hot-account-${processes}`,
      unit: 'commands/s',
      besideName: 'one process, 64 callers',
      ...(processes === MOST ? { target: { of: 'ratio', least: LEAST } as const } : {}),
      notes: `${CALLERS} callers in ${processes} processes; ${sum('conflicts')} refused for a conflict, ${sum('failed')} failed${failure ? ` (${failure})` : ''}; one process p50 ${of('p50')} ms, p99 ${of('p99')} ms`,
    },
    {
      ours: typical(shared),
      beside: typical(alone),
      ratios: shared.map(({ value }, round) => value / (alone[round]?.value ?? Number.NaN)),
    },
    sum('failed') === 0,
  )
}

export const accountRows: readonly Bench[] = [
  {
    names: ['log-hot-account-2', 'log-hot-account-3'],
    title: 'one account, commanded by one, two and three processes',
    needs: ['MONGODB_URL', 'REDIS_URL'],
    run: hotAccount,
  },
]
