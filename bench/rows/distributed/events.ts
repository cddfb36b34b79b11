/**
 * The event log through our adapter beside the bare client of the same server, each in a process of its
 * own. A server that is slow itself hides what an adapter costs, so the notes tell processor time too.
 */
import type { Helper } from '../../children.ts'
import type { Filled, Work } from '../../children/event-log.ts'
import { withHelpers } from '../../business.ts'
import {
  type Bench,
  type Compared,
  figure,
  inTurns,
  rowOf,
  type Row,
  type Sample,
  type Settings,
} from '../../harness.ts'
import { freshNamespace, withLog } from '../../servers.ts'

const WARM_UP_MS = 500
const LEAST = 0.8

interface Sides {
  readonly ours: Helper
  readonly bare: Helper
}

const withSides = <T>(settings: Settings, work: (sides: Sides) => Promise<T>): Promise<T> =>
  withLog(settings, (url) =>
    withHelpers(['event-log', 'event-log'], async (ours, bare) => {
      if (!ours || !bare) throw new Error('no helpers')
      const place = { do: 'open', url, namespace: freshNamespace() } as const
      await ours.ask({ ...place, side: 'ours' } satisfies Work)
      await bare.ask({ ...place, side: 'bare' } satisfies Work)
      return work({ ours, bare })
    }),
  )

const compare = async (settings: Settings, { ours, bare }: Sides, work: Work) => {
  const warmUp = { ...work, ms: WARM_UP_MS }
  await bare.ask(warmUp)
  await ours.ask(warmUp)
  return inTurns(
    settings.rounds,
    () => ours.ask<Sample>(work),
    () => bare.ask<Sample>(work),
  )
}

const row = (name: string, compared: Compared, notes: string): Row =>
  rowOf(
    {
      name,
      unit: 'events/s',
      besideName: '@eventstore/db-client',
      target: { of: 'ratio', least: LEAST },
      notes: `${notes}; ${cpuSaid(compared)}`,
    },
    compared,
  )

export const cpuSaid = ({ ours, beside }: Compared): string =>
  `processor time ${figure(ours.cpuUs ?? Number.NaN)} µs each, bare ${figure(beside.cpuUs ?? Number.NaN)} µs`

const appends = (settings: Settings, writers: number, events: number, name: string) =>
  withSides(settings, async (sides) => {
    const work = { do: 'append', writers, events, ms: settings.turnMs } as const
    const compared = await compare(settings, sides, work)
    const { p50 = Number.NaN, p99 = Number.NaN } = compared.beside
    const bare = `bare p50 ${figure(p50)} ms, p99 ${figure(p99)} ms`
    return [row(name, compared, bare)]
  })

const reads = (settings: Settings) =>
  withSides(settings, async (sides) => {
    const [count, streamLength] = settings.quick ? [6_000, 2_000] : [30_000, 10_000]
    settings.progress(`writing a log of ${count} events`)
    const filled = await sides.ours.ask<Filled>({ do: 'fill', count, streamLength } satisfies Work)
    const rows: Row[] = []
    for (const [name, kind, notes] of [
      ['log-read', 'readAll', `${count} events, pages of 1,000`],
      ['log-stream', 'readStream', `a stream of ${streamLength} events, pages of 1,000`],
      ['log-subscribe', 'subscribe', `catching up with ${count} events`],
    ] as const) {
      const work = { do: kind, ms: settings.turnMs, ...filled }
      rows.push(row(name, await compare(settings, sides, work), notes))
    }
    return rows
  })

const appendRow = (name: string, title: string, writers: number, events = 1): Bench => ({
  names: [name],
  title,
  run: (settings) => appends(settings, writers, events, name),
})

export const eventRows: readonly Bench[] = [
  appendRow('log-append-1', 'appends to EventStoreDB, one writer', 1),
  appendRow('log-append-16', 'appends to EventStoreDB, 16 writers', 16),
  appendRow('log-append-64', 'appends to EventStoreDB, 64 writers', 64),
  appendRow('log-append-100', 'appends of 100 events each, one writer', 1, 100),
  {
    names: ['log-read', 'log-stream', 'log-subscribe'],
    title: 'reading the log, one stream, and catching up with it',
    run: reads,
  },
]
