/**
 * Metered, billed streams beside the upstream asked directly, and beside a proxy that only passes bytes:
 * time to the first byte, streams a second, a thousand held at once.
 */
import { setTimeout as delay } from 'node:timers/promises'
import {
  assertSound,
  business,
  FAST,
  rawRequest,
  type Running,
  serving,
  SLOW,
  withHelpers,
} from '../business.ts'
import type { Helper } from '../children.ts'
import type { Load, Loaded } from '../children/load.ts'
import {
  type Bench,
  collect,
  inTurns,
  median,
  rowOf,
  type Row,
  type Sample,
  type Settings,
} from '../harness.ts'
import { residentMb } from '../system.ts'

const AT_ONCE = 32
const HELD = 1_000
const HELD_KB = 130

interface Ends {
  readonly load: Helper
  readonly upstream: number
  readonly pipe: Helper
  readonly pipePort: number
}

const direct = (model: string) =>
  rawRequest('POST /v1/chat/completions', {
    model,
    stream: true,
    stream_options: { include_usage: true },
    messages: [{ role: 'user', content: 'Answer: what is a daybook?' }],
  })
const invoke = (agentId: string, { token }: Running) =>
  rawRequest(`POST /agents/${agentId}/invoke`, { input: 'what is a daybook?', stream: true }, token)

const viaOpenAi = ({ token }: Running) =>
  rawRequest(
    'POST /v1/chat/completions',
    { model: 'fast', stream: true, messages: [{ role: 'user', content: 'what is a daybook?' }] },
    token,
  )

async function withEnds<T>(work: (ends: Ends) => Promise<T>): Promise<T> {
  return withHelpers(['load', 'upstream', 'pipe'], async (load, provider, pipe) => {
    if (!load || !provider || !pipe) throw new Error('no helpers')
    const upstream = await provider.ask<number>({})
    const pipePort = await pipe.ask<number>({ upstream })
    return work({ load, upstream, pipe, pipePort })
  })
}

async function loaded(load: Helper, work: Load, warmUp = true): Promise<Loaded> {
  if (warmUp) assertSound(await load.ask<Loaded>({ ...work, ms: 1_000 }))
  const result = await load.ask<Loaded>(work)
  assertSound(result)
  return result
}

async function withProduct<T>(
  settings: Settings,
  upstream: number,
  work: (product: Running) => Promise<T>,
): Promise<T> {
  const product = await serving(settings, upstream)
  try {
    return await work(product)
  } finally {
    await product.stop()
  }
}

/** What is added to the upstream's own first byte, by us and by the proxy. */
const firstByte = (settings: Settings): Promise<Row[]> =>
  withEnds(async ({ load, upstream, pipePort }) => {
    const { fastAgent } = await business(settings)
    const first = async (port: number, request: string) =>
      (await loaded(load, { port, requests: [request], connections: 1, ms: settings.turnMs })).first
    const added: number[] = []
    const bare: number[] = []
    const own: Sample[] = []
    for (let round = 0; round < settings.serverRounds; round++) {
      await collect()
      const asked = await first(upstream, direct(FAST))
      await collect()
      const piped = await first(pipePort, direct(FAST))
      await collect()
      const ours = await withProduct(settings, upstream, (product) =>
        first(product.port, invoke(fastAgent, product)),
      )
      added.push(ours.p50 - asked.p50)
      bare.push(piped.p50 - asked.p50)
      own.push({ value: ours.p50, ...ours })
    }
    const ratios = added.map((value, round) => value / (bare[round] ?? Number.NaN))
    const given = {
      name: 'stream-first-byte',
      unit: 'ms added',
      besideName: 'bare Fastify + undici pipe',
      target: { of: 'ratio', most: 2 },
      notes: 'added to the upstream asked directly, one stream after another',
    } as const
    const p50 = median(own.map((sample) => sample.p50 ?? Number.NaN))
    const p99 = median(own.map((sample) => sample.p99 ?? Number.NaN))
    const ours = { value: median(added), p50, p99 }
    return [rowOf(given, { ours, beside: { value: median(bare) }, ratios })]
  })

const perSecond = (settings: Settings): Promise<Row[]> =>
  withEnds(async ({ load, upstream }) => {
    const { fastAgent } = await business(settings)
    const rate = async (port: number, request: string): Promise<Sample> => {
      const work = { port, requests: [request], connections: AT_ONCE, ms: settings.turnMs }
      const result = await loaded(load, work)
      return { value: result.perSecond, ...result.whole }
    }
    const compared = await inTurns(
      settings.serverRounds,
      () =>
        withProduct(settings, upstream, (product) =>
          rate(product.port, invoke(fastAgent, product)),
        ),
      () => rate(upstream, direct(FAST)),
    )
    const given = {
      name: `streams-${AT_ONCE}`,
      unit: 'streams/s',
      besideName: 'the upstream asked directly',
      target: { of: 'ratio', least: 0.45 },
      notes: `50 chunks a stream, ${AT_ONCE} in flight`,
    } as const
    return [rowOf(given, compared)]
  })

/** The OpenAI-compatible door beside invoke, in one process: the same call by both. */
const openAiDoor = (settings: Settings): Promise<Row[]> =>
  withEnds(async ({ load, upstream }) => {
    const { fastAgent } = await business(settings)
    return withProduct(settings, upstream, async (product) => {
      const rate = async (request: string): Promise<Sample> => {
        const work = { port: product.port, requests: [request], connections: 8 }
        const result = await loaded(load, { ...work, ms: settings.turnMs })
        return { value: result.perSecond, ...result.whole }
      }
      const compared = await inTurns(
        settings.serverRounds,
        () => rate(viaOpenAi(product)),
        () => rate(invoke(fastAgent, product)),
      )
      const given = {
        name: 'openai-door',
        unit: 'streams/s',
        besideName: 'POST /agents/{id}/invoke',
        target: { of: 'ratio', least: 0.9 },
        notes: '50 chunks a stream, 8 in flight, both doors of one process',
      } as const
      return [rowOf(given, compared)]
    })
  })

/** Memory that each of a thousand slow streams adds, taken when all have begun. */
async function held(load: Helper, pid: number, port: number, request: string) {
  const warmUp = { port, requests: [request], connections: 1, each: 1 }
  assertSound(await load.ask<Loaded>(warmUp))
  const before = residentMb(pid)
  const running = load.ask<Loaded>({ ...warmUp, connections: HELD, apart: 1 })
  let most = before
  const over = { yet: false }
  const ended = running.finally(() => (over.yet = true))
  ended.catch(() => undefined)
  while (!over.yet) {
    await delay(200)
    if (!over.yet) most = Math.max(most, residentMb(pid))
  }
  return { kilobytes: ((most - before) * 1_024) / HELD, result: await ended, most }
}

const thousand = (settings: Settings): Promise<Row[]> =>
  withEnds(async ({ load, upstream }) => {
    const { slowAgent } = await business(settings)
    let failed = 0
    let firstFailure: string | undefined
    let most = 0
    const turn = async (pid: number, port: number, request: string, ours: boolean) => {
      const { kilobytes, result, most: megabytes } = await held(load, pid, port, request)
      if (!ours) assertSound(result)
      else {
        failed += result.failed
        firstFailure ??= result.firstFailure
        most = Math.max(most, megabytes)
      }
      return { value: kilobytes, ...result.first }
    }
    const compared = await inTurns(
      settings.quick ? 1 : 3,
      () =>
        withProduct(settings, upstream, (product) =>
          turn(product.pid, product.port, invoke(slowAgent, product), true),
        ),
      // Its own fresh process each time: memory that was once taken is seldom given back.
      () =>
        withHelpers(['pipe'], async (pipe) => {
          const port = (await pipe?.ask<number>({ upstream })) ?? 0
          return turn(pipe?.pid ?? 0, port, direct(SLOW), false)
        }),
    )
    const given = {
      name: 'streams-held',
      unit: 'kB/stream',
      besideName: 'bare Fastify + undici pipe',
      target: { of: 'ours', most: HELD_KB },
      notes: `${HELD} streams of 10 chunks a second, ${failed} failed${firstFailure ? ` (${firstFailure})` : ''}, at most ${most.toFixed(0)} MB; p50 and p99 are of the first byte`,
    } as const
    return [rowOf(given, compared, failed === 0)]
  })

export const streamRows: readonly Bench[] = [
  {
    names: ['stream-first-byte'],
    title: 'what a metered, billed stream adds to the first byte',
    run: firstByte,
  },
  { names: [`streams-${AT_ONCE}`], title: 'streams a second, 32 in flight', run: perSecond },
  { names: ['openai-door'], title: '/v1/chat/completions beside invoke', run: openAiDoor },
  { names: ['streams-held'], title: '1,000 streams held at once', run: thousand },
]
