/**
 * A server that is away for a while under load: what readiness says, what the clients hear meanwhile and
 * how long they wait for it, and that everything goes on by itself when it is back.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Cluster } from '../cluster.ts'
import type { Tried } from './asking.ts'
import type { Kind } from './load.ts'
import { until } from './until.ts'

/** Longer than leases (5 s), the unseen end of the log (5 s) and a driver's search for its server. */
const AWAY_MS = 12_000
/** Whoever asks while a loss is being found out waits for the limit of an append, perhaps twice. */
const FIRST_ANSWERS_WITHIN_MS = 8_000
/** Of the loss everybody knows after this. */
const KNOWN_AFTER_MS = 6_000
/** Then a request waits for no more than one answer that does not come. */
const THEN_WITHIN_MS = 3_000
const READY_AGAIN_WITHIN_MS = 30_000
/** Asked once it is back, and answered by itself. */
const KINDS: readonly Kind[] = ['invoke', 'stream', 'async', 'grant', 'account', 'calls', 'refresh']

export interface Outage {
  readonly take: () => unknown
  readonly give: () => unknown
  /** How readiness names what is away. */
  readonly named: RegExp
}

export type Answer = Tried & { readonly kind: Kind }

/** What was asked while it was away and answered before it was back; `known`: once everybody knew. */
export interface Meanwhile {
  readonly all: readonly Answer[]
  readonly known: readonly Answer[]
}

export async function outage(cluster: Cluster, { take, give, named }: Outage): Promise<Meanwhile> {
  const { load } = cluster
  await goesOn(cluster)
  const from = performance.now()
  let to = from
  await take()
  const over = pause(AWAY_MS)
  const running = cluster.processes.filter((one) => one.running)
  try {
    await Promise.all(
      running.map((one) =>
        until(`${one.name} says what is away`, AWAY_MS, async () => {
          const { status, failing } = await cluster.readiness(one)
          return status === 503 && failing.some((name) => named.test(name))
        }),
      ),
    )
  } finally {
    await over
    to = performance.now()
    await give()
  }
  await goesOn(cluster)
  await load.pause()
  await cluster.allReady(READY_AGAIN_WITHIN_MS)
  const all = load.triesBetween(from, to)
  expectAnswered(all, from, to)
  const known = all.filter(
    ({ begunAt, ms }) => begunAt > from + KNOWN_AFTER_MS && begunAt + ms < to,
  )
  return { all, known }
}

/** Kinds of which some were answered so. */
export const kindsWith = (
  answers: readonly Answer[],
  fits: (status: number) => boolean,
): Set<Kind> => new Set(answers.filter(({ status = 0 }) => fits(status)).map(({ kind }) => kind))

/** Everything that is asked from now on is answered well. */
export async function goesOn({ load }: Cluster, kinds: readonly Kind[] = KINDS): Promise<void> {
  load.resume()
  const from = performance.now()
  await until('the load goes on', READY_AGAIN_WITHIN_MS, () => {
    const served = new Set(
      load.triesBetween(from).flatMap(({ status = 0, kind }) => (status < 300 ? [kind] : [])),
    )
    const missing = kinds.filter((kind) => !served.has(kind))
    if (missing.length > 0) throw new Error(`not served: ${missing.join(', ')}`)
    return true
  })
}

/** Every answer is one, comes in time, and is no defect. */
export function expectAnswered(answers: readonly Answer[], from: number, to: number): void {
  expect(answers.length).toBeGreaterThan(0)
  const odd = answers.filter(({ status, hung, retryAfter }) => {
    if (hung || status === undefined || status === 500) return true
    return status === 503 && retryAfter === undefined
  })
  expect(odd).toEqual([])
  const late = answers.filter(({ begunAt, ms, status }) => {
    const known = begunAt > from + KNOWN_AFTER_MS
    // What lasts until the server is back was carried out, not kept waiting.
    if (known) return ms > THEN_WITHIN_MS && begunAt + ms < to
    return ms > FIRST_ANSWERS_WITHIN_MS && status === 503
  })
  expect(late.map((one) => told(one, from))).toEqual([])
}

const told = ({ to, kind, status, ms, begunAt, text }: Answer, from: number): string =>
  `${kind} asked of ${to} after ${Math.round(begunAt - from)} ms: ${status} in ${Math.round(ms)} ms: ${text}`

export const longest = (answers: readonly Tried[]): number =>
  Math.max(0, ...answers.map(({ ms }) => ms))

/** How many of each kind were answered how: for a line in the output. */
export function summary(answers: readonly Answer[]): string {
  const by = Map.groupBy(answers, ({ kind, status }) => `${kind} ${status ?? 'nothing'}`)
  return [...by]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, some]) => {
      const ms = some.map((one) => one.ms).sort((a, b) => a - b)
      return `${name}: ${some.length} (${Math.round(ms[ms.length >> 1] ?? 0)}, ${Math.round(longest(some))} ms)`
    })
    .join(', ')
}
