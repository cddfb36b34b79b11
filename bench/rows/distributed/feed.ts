/**
 * Text on its way through Redis from the process that calls the provider to the one that somebody listens
 * to: what that adds to the first token, and a thousand streams held by one process.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { withHelpers } from '../../business.ts'
import type { Helper } from '../../children.ts'
import type { Heard, SideName, Work } from '../../children/feed.ts'
import {
  type Bench,
  figure,
  inTurns,
  median,
  percentile,
  rowOf,
  type Row,
  type Sample,
  type Settings,
} from '../../harness.ts'
import { freshNamespace, urlOf, withNamespace } from '../../servers.ts'
import { residentMb } from '../../system.ts'

const MOST_MS = 3
const HELD = 1_000
const TOKENS_A_SECOND = 4
/** Until a listener's wish has reached Redis. */
const SETTLED_MS = 4

interface Ends {
  readonly speaker: Helper
  readonly listener: Helper
}

/** Two fresh processes on one side. */
const withEnds = <T>(side: SideName, work: (ends: Ends) => Promise<T>): Promise<T> =>
  withNamespace((namespace) =>
    withHelpers(['feed', 'feed'], async (speaker, listener) => {
      if (!speaker || !listener) throw new Error('no helpers')
      const open = { do: 'open', side, url: urlOf('REDIS_URL'), namespace } as const
      await Promise.all([speaker.ask(open), listener.ask(open)])
      return work({ speaker, listener })
    }),
  )

const ids = (count: number): string[] => Array.from({ length: count }, freshNamespace)

/** One stream after another: somebody listens, then the first token is said. */
async function firstTokens({ speaker, listener }: Ends, count: number): Promise<Sample> {
  const heard: number[] = []
  for (const id of ids(count)) {
    const stream = { ids: [id] }
    await listener.ask({ do: 'listen', ...stream } satisfies Work)
    const told = listener.ask<Heard>({ do: 'heard' } satisfies Work)
    await delay(SETTLED_MS)
    await speaker.ask({ do: 'say', ...stream, tokens: 1, everyMs: 0 } satisfies Work)
    const { p50, failed } = await told
    if (failed > 0) throw new Error('a first token was not heard')
    heard.push(p50)
  }
  const p50 = median(heard)
  return { value: p50, p50, p99: percentile(heard, 0.99) }
}

const WARM_UP = 30

const first = (settings: Settings): Promise<Row[]> =>
  withEnds('ours', (ours) =>
    withEnds('bare', async (bare) => {
      const count = settings.quick ? 100 : 400
      for (const ends of [bare, ours]) await firstTokens(ends, WARM_UP)
      const compared = await inTurns(
        settings.rounds,
        () => firstTokens(ours, count),
        () => firstTokens(bare, count),
      )
      const more = compared.ours.value - compared.beside.value
      const given = {
        name: 'feed-first-token',
        unit: 'ms',
        besideName: 'bare XADD, XREAD BLOCK',
        target: { of: 'ours', most: MOST_MS },
        notes: `published in one process, heard in another: all of it is added by the way through Redis; ${figure(more)} ms more than bare`,
      } as const
      return [rowOf(given, compared)]
    }),
  )

/** Memory that each of them adds to the process that listens. */
const holding = (settings: Settings, side: SideName): Promise<Sample & Heard> =>
  withEnds(side, async ({ speaker, listener }) => {
    const everyMs = 1_000 / TOKENS_A_SECOND
    await firstTokens({ speaker, listener }, 1)
    const before = residentMb(listener.pid)
    const streams = ids(HELD)
    await listener.ask({ do: 'listen', ids: streams } satisfies Work)
    const tokens = TOKENS_A_SECOND * (settings.quick ? 4 : 12)
    let most = before
    const said = speaker.ask({ do: 'say', ids: streams, tokens, everyMs } satisfies Work)
    const over = { yet: false }
    const ended = said
      .then(() => listener.ask<Heard>({ do: 'heard' } satisfies Work))
      .finally(() => (over.yet = true))
    ended.catch(() => undefined)
    while (!over.yet) {
      most = Math.max(most, residentMb(listener.pid))
      await delay(200)
    }
    const heard = await ended
    const value = ((most - before) * 1_024) / HELD
    const lost = HELD * tokens - heard.tokens
    return { ...heard, value, failed: heard.failed + Math.max(0, lost) }
  })

async function held(settings: Settings): Promise<Row[]> {
  let failed = 0
  const turn = (side: SideName) => async () => {
    const sample = await holding(settings, side)
    if (side === 'ours') failed += sample.failed
    else if (sample.failed > 0) throw new Error(`bare: ${sample.failed} failed`)
    return sample
  }
  const compared = await inTurns(settings.quick ? 1 : 3, turn('ours'), turn('bare'))
  const given = {
    name: 'feed-held',
    unit: 'kB/stream',
    besideName: 'one bare XREAD of the same streams',
    notes: `${HELD} invocations heard by one process, ${TOKENS_A_SECOND} tokens a second each, ${failed} failed; p50 and p99 are from said to heard, bare ${figure(compared.beside.p50 ?? Number.NaN)} and ${figure(compared.beside.p99 ?? Number.NaN)}`,
  } as const
  return [rowOf(given, compared, failed === 0)]
}

export const feedRows: readonly Bench[] = [
  {
    names: ['feed-first-token'],
    title: 'the first token of a stream, from one process to another',
    needs: ['REDIS_URL'],
    run: first,
  },
  {
    names: ['feed-held'],
    title: 'a thousand streams heard by one process',
    needs: ['REDIS_URL'],
    run: held,
  },
]
