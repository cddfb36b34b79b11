/**
 * One end of the rows about live text: it says tokens or listens to them, through our adapter or by bare
 * XADD and XREAD. Each token holds the moment at which it was said, by the clock that all processes of a
 * machine share.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createLiveFeed } from '../../src/engines/distributed/live-feed.ts'
import { openRedis } from '../../src/engines/distributed/redis/connection.ts'
import type { FeedItem } from '../../src/ports/live-feed.ts'
import { spreadOf } from '../harness.ts'
import { onlyErrors } from '../system.ts'
import { answering } from './answer.ts'

export type SideName = 'ours' | 'bare'
export type Work =
  | {
      readonly do: 'open'
      readonly side: SideName
      readonly url: string
      readonly namespace: string
    }
  /** Listens to each of them from now on. */
  | { readonly do: 'listen'; readonly ids: readonly string[] }
  /** So many tokens on each of them, spread over `everyMs`, then the end. */
  | {
      readonly do: 'say'
      readonly ids: readonly string[]
      readonly tokens: number
      readonly everyMs: number
    }
  /** Waits for the ends. */
  | { readonly do: 'heard' }
export interface Heard {
  /** From said to heard, in ms. */
  readonly p50: number
  readonly p99: number
  readonly tokens: number
  /** Streams with a gap, or without an end in time. */
  readonly failed: number
}

interface Side {
  say(id: string, item: FeedItem): void
  /** Gives every item of every stream to `hear`, each stream to its end. */
  listen(ids: readonly string[], hear: (id: string, item: FeedItem) => void): Promise<unknown>
}

const SILENCE_MS = 20_000
const STEPS = 20
const TOKEN_LENGTH = 24

async function ours(url: string, namespace: string): Promise<Side> {
  const redis = await openRedis({ url, namespace, logger: onlyErrors })
  const masterKey = new Uint8Array(32).fill(7)
  const feed = createLiveFeed({ redis, logger: onlyErrors, masterKey })
  const { signal } = new AbortController()
  return {
    say: (id, item) => feed.publish(id, item),
    listen: (ids, hear) =>
      Promise.all(
        ids.map(async (id) => {
          for await (const item of feed.listen(id, { signal })) hear(id, item)
        }),
      ),
  }
}

/** One connection that says, one that waits for news of all streams it listens to. */
function bare(url: string, namespace: string): Side {
  const [mouth, ear] = [new Redis(url), new Redis(url)]
  const keyOf = (id: string) => `{${namespace}}:${id}`
  return {
    say(id, item) {
      const fields = item.kind === 'end' ? ['e', '1'] : ['o', `${item.offset}`, 't', item.text]
      void mouth.xadd(keyOf(id), '*', ...fields)
    },
    async listen(ids, hear) {
      const open = new Map(ids.map((id) => [keyOf(id), { id, last: '0-0' }]))
      while (open.size > 0) {
        const places = [...open.values()].map(({ last }) => last)
        const found = await ear.xread('BLOCK', 0, 'STREAMS', ...open.keys(), ...places)
        for (const [key, entries] of found ?? [])
          for (const [last, fields] of entries) {
            const stream = open.get(key)
            if (stream === undefined) continue
            stream.last = last
            const [first, offset, , text = ''] = fields ?? []
            const ended = first === 'e'
            if (ended) open.delete(key)
            hear(
              stream.id,
              ended ? { kind: 'end' } : { kind: 'delta', attempt: 1, offset: Number(offset), text },
            )
          }
      }
    },
  }
}

const now = () => Number(process.hrtime.bigint()) / 1e6
const token = () => now().toFixed(3).padEnd(TOKEN_LENGTH)

let side: Side | undefined
let listening: { readonly all: Promise<unknown>; result(): Heard } | undefined

function listen(end: Side, ids: readonly string[]): void {
  const latencies: number[] = []
  const offsets = new Map<string, number>()
  const broken = new Set<string>()
  const ended = new Set<string>()
  const all = end.listen(ids, (id, item) => {
    if (item.kind === 'end') return void ended.add(id)
    latencies.push(now() - Number(item.text))
    const offset = (offsets.get(id) ?? 0) + item.text.length
    if (item.offset !== offset) broken.add(id)
    offsets.set(id, item.offset)
  })
  const result = () => {
    const failed = ids.filter((id) => broken.has(id) || !ended.has(id)).length
    return { ...spreadOf(latencies), tokens: latencies.length, failed }
  }
  listening = { all, result }
}

async function say(end: Side, { ids, tokens, everyMs }: Work & { do: 'say' }): Promise<void> {
  const begun = performance.now()
  let offset = 0
  for (let n = 0; n < tokens; n++) {
    offset += TOKEN_LENGTH
    for (let step = 0; step < STEPS; step++) {
      for (let index = step; index < ids.length; index += STEPS)
        end.say(ids[index] ?? '', { kind: 'delta', attempt: 1, offset, text: token() })
      const due = begun + (n + (step + 1) / STEPS) * everyMs
      if (due > performance.now()) await delay(due - performance.now())
    }
  }
  for (const id of ids) end.say(id, { kind: 'end' })
}

async function answer(work: Work): Promise<Heard | boolean> {
  if (work.do === 'open') {
    const open = work.side === 'ours' ? ours : bare
    side = await open(work.url, work.namespace)
    return true
  }
  if (side === undefined) throw new Error('not open')
  if (work.do === 'listen') listen(side, work.ids)
  else if (work.do === 'say') await say(side, work)
  else if (listening !== undefined) {
    const silent = delay(SILENCE_MS, undefined, { ref: false })
    await Promise.race([listening.all, silent])
    return listening.result()
  }
  return true
}

answering(answer, { collecting: false })
