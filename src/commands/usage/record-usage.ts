/**
 * Every answered request leaves a record, in batches: on the request's way it costs one array push. A
 * batch goes to the log every 200 ms as the only writer of this run's streams. A log that does not take
 * it gets the same batch again; memory stays bounded, and what is dropped is counted, never silent.
 */
import {
  MAX_BATCHES,
  type RecordUsage,
  usageDecider,
  usageStreamId,
} from '../../domain/usage/usage.ts'
import type { UsageCount, UsageItem } from '../../domain/usage/events.ts'
import { step, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'

const EVERY_MS = 200
/** Items and counts of one event: at their largest 160 KiB and 30 KiB. */
const ITEMS_PER_EVENT = 300
const COUNTS_PER_EVENT = 100
/** Requests of nobody that are listed one by one, in one second; the rest is counted. */
const STRANGERS_PER_SECOND = 10
/** Requests that wait for the log at most, about 10 MB. */
const MAX_WAITING = 20_000
/** Times that one batch is offered to the log, two minutes in all, and at a stop. */
const MAX_TRIES = 30
const TRIES_AT_STOP = 3
const MAX_PAUSE_MS = 5_000

/** A request that was answered, as the server tells it. */
export interface AnsweredRequest {
  readonly requestId: string
  /** The route's pattern. */
  readonly route: string
  readonly method: string
  readonly status: number
  readonly latencyMs: number
  readonly actor:
    | {
        readonly kind: string
        readonly userId?: string
        readonly orgId?: string
        readonly keyId?: string
      }
    | undefined
  readonly at: Date
}

export interface UsageRecorder {
  readonly record: (request: AnsweredRequest) => void
  /** Everything recorded so far is in the log, or was dropped and counted. */
  readonly flush: () => Promise<void>
  /** flush, then nothing more is recorded. */
  readonly close: () => Promise<void>
}

export interface UsageRecorderOptions {
  /** false: nothing is recorded. */
  readonly on: boolean
  /** Told how many requests will never have a record. */
  readonly onDropped?: (requests: number) => void
}

type RecorderDeps = Pick<Deps, 'streams' | 'ids' | 'clock' | 'logger' | 'settings'>
type Batch = Pick<RecordUsage, 'items' | 'counts'>

export function createUsageRecorder(
  deps: RecorderDeps,
  { on, onDropped }: UsageRecorderOptions,
): UsageRecorder {
  const appender = createAppender(deps)
  const waiting = createWaiting()
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  let batch: Batch | undefined
  let tries = 0
  let recording = on

  const drop = (requests: number) => {
    if (requests > 0) onDropped?.(requests)
  }

  /** Appends batch after batch until nothing waits. @throws what the append throws, the batch kept. */
  async function write(): Promise<void> {
    for (batch ??= waiting.take(); batch !== undefined; batch = waiting.take()) {
      tries += 1
      await appender.append(batch)
      tries = 0
    }
  }

  function giveUp(error: unknown) {
    deps.logger.error({ error, requests: sizeOf(batch) }, 'usage records dropped')
    drop(sizeOf(batch))
    appender.skip()
    batch = undefined
    tries = 0
  }

  async function writeAndRetryLater(): Promise<void> {
    try {
      await write()
    } catch (error) {
      if (tries >= MAX_TRIES) giveUp(error)
      else if (tries === 1) deps.logger.warn({ error }, 'usage records wait for the log')
      schedule(Math.min(EVERY_MS * 2 ** Math.min(tries, 8), MAX_PAUSE_MS))
    }
  }

  const inTurn = (work: () => Promise<void>): Promise<void> => (writing = writing.then(work))

  function schedule(ms: number) {
    timer ??= setTimeout(() => {
      timer = undefined
      void inTurn(writeAndRetryLater)
    }, ms).unref()
  }

  async function writeNow(): Promise<void> {
    for (let left = TRIES_AT_STOP; waiting.size() > 0 || batch !== undefined; left--)
      try {
        await write()
      } catch (error) {
        if (left > 1) continue
        giveUp(error)
        drop(waiting.clear())
      }
  }

  async function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    await inTurn(writeNow)
  }

  return {
    record(request) {
      if (!recording) return
      if (waiting.add(request)) schedule(EVERY_MS)
      else drop(1)
    },
    flush,
    async close() {
      recording = false
      await flush()
    },
  }
}

/** Appends batches in order; the same batch again is the same append. */
function createAppender({ streams, ids, clock, settings: { runId } }: RecorderDeps) {
  let stream = 1
  let number = 1

  function skip() {
    number += 1
    if (number <= MAX_BATCHES) return
    stream += 1
    number = 1
  }

  return {
    async append(batch: Batch): Promise<void> {
      const id = usageStreamId(runId, stream)
      const at = clock.now().toISOString()
      const root = systemRoot(ids, 'record-usage', { id: `${id}/${number}` }, at)
      await streams.transact(
        usageDecider,
        id,
        { type: 'RecordUsage', runId, batch: number, recordedAt: at, ...batch },
        step(ids, root, 'record'),
      )
      skip()
    },
    /** The batch is given up, and its number with it: it may be in the log after all. */
    skip,
  }
}

/** What has not been offered to the log yet. */
function createWaiting() {
  let requests: AnsweredRequest[] = []
  const counts = new Map<string, UsageCount>()
  let second = 0
  let strangers = 0

  function isCounted(at: Date): boolean {
    const now = Math.floor(at.getTime() / 1_000)
    if (now !== second) {
      second = now
      strangers = 0
    }
    strangers += 1
    return strangers > STRANGERS_PER_SECOND
  }

  function count(request: AnsweredRequest) {
    const { route, method, status } = itemOf(request)
    // Few: patterns of our own routes, methods that HTTP knows, statuses that we give.
    const key = `${method} ${status} ${route}`
    counts.set(key, { route, method, status, requests: (counts.get(key)?.requests ?? 0) + 1 })
  }

  return {
    size: () => requests.length + counts.size,
    /** false: too much waits, the request leaves no record. */
    add(request: AnsweredRequest): boolean {
      const stranger = request.actor === undefined || request.actor.kind === 'anonymous'
      if (stranger && isCounted(request.at)) count(request)
      else if (requests.length >= MAX_WAITING) return false
      else requests.push(request)
      return true
    },
    /** The oldest that fit into one event; undefined when nothing waits. */
    take(): Batch | undefined {
      if (requests.length + counts.size === 0) return undefined
      const items = requests.slice(0, ITEMS_PER_EVENT).map(itemOf)
      requests = requests.slice(ITEMS_PER_EVENT)
      const taken = [...counts].slice(0, COUNTS_PER_EVENT)
      for (const [key] of taken) counts.delete(key)
      return { items, counts: taken.map(([, value]) => value) }
    },
    /** Forgets everything; answers how many requests that were. */
    clear(): number {
      const forgotten = sizeOf({ items: requests.map(itemOf), counts: [...counts.values()] })
      requests = []
      counts.clear()
      return forgotten
    },
  }
}

const sizeOf = (batch: Batch | undefined): number =>
  batch ? batch.counts.reduce((sum, one) => sum + one.requests, batch.items.length) : 0

/** Never a value that the event's schema refuses: one odd request must not hold up all others. */
function itemOf({ requestId, at, route, method, status, latencyMs, actor }: AnsweredRequest) {
  return {
    requestId: requestId.slice(0, 64) || '-',
    at: at.toISOString(),
    route: route.slice(0, 200) || '(unknown)',
    method: /^[A-Z]{1,16}$/.test(method) ? method : 'OTHER',
    status: status >= 100 && status <= 599 ? status : 500,
    latencyMs: Math.max(0, Math.round(latencyMs)),
    ...(actor?.userId === undefined ? {} : { userId: actor.userId }),
    ...(actor?.keyId === undefined ? {} : { keyId: actor.keyId }),
    ...(actor?.orgId === undefined ? {} : { orgId: actor.orgId }),
  } satisfies UsageItem
}
