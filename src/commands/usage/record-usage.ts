/**
 * Every answered request leaves a record, in batches (batch-recorder.ts). Requests of nobody we know are
 * listed one by one up to ten a second, and counted beyond.
 */
import {
  MAX_BATCHES,
  type RecordUsage,
  usageDecider,
  usageStreamId,
} from '../../domain/usage/usage.ts'
import type { UsageCount, UsageItem } from '../../domain/usage/events.ts'
import {
  type Appender,
  type BatchRecorder,
  createAppender,
  createBatchRecorder,
  type Waiting,
} from '../batch-recorder.ts'
import type { Deps } from '../deps.ts'

const EVERY_MS = 200
/** Items and counts of one event: at their largest 160 KiB and 30 KiB. */
const ITEMS_PER_EVENT = 300
const COUNTS_PER_EVENT = 100
/** Requests of nobody that are listed one by one, in one second; the rest is counted. */
const STRANGERS_PER_SECOND = 10
/** Requests that wait for the log at most, about 10 MB. */
const MAX_WAITING = 20_000

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

export type UsageRecorder = BatchRecorder<AnsweredRequest>

export interface UsageRecorderOptions {
  /** false: nothing is recorded. */
  readonly on: boolean
  /** Told how many requests will never have a record. */
  readonly onDropped?: (requests: number) => void
}

type RecorderDeps = Pick<Deps, 'streams' | 'ids' | 'clock' | 'logger' | 'settings'>
type Batch = Pick<RecordUsage, 'items' | 'counts'>

export const createUsageRecorder = (
  deps: RecorderDeps,
  { on, onDropped }: UsageRecorderOptions,
): UsageRecorder =>
  createBatchRecorder({
    name: 'usage records',
    on,
    everyMs: EVERY_MS,
    waiting: createWaiting(),
    appender: appenderOf(deps),
    sizeOf,
    logger: deps.logger,
    onDropped,
  })

const appenderOf = (deps: RecorderDeps): Appender<Batch> => {
  const { runId } = deps.settings
  return createAppender(
    deps,
    {
      worker: 'record-usage',
      maxBatches: MAX_BATCHES,
      idOf: (stream) => usageStreamId(runId, stream),
    },
    (batch, { id, context, ...place }) =>
      deps.streams.transact(
        usageDecider,
        id,
        { type: 'RecordUsage', runId, ...place, ...batch },
        context,
      ),
  )
}

function createWaiting(): Waiting<AnsweredRequest, Batch> {
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
    add(request) {
      const stranger = request.actor === undefined || request.actor.kind === 'anonymous'
      if (stranger && isCounted(request.at)) count(request)
      else if (requests.length >= MAX_WAITING) return false
      else requests.push(request)
      return true
    },
    take() {
      if (requests.length + counts.size === 0) return undefined
      const items = requests.slice(0, ITEMS_PER_EVENT).map(itemOf)
      requests = requests.slice(ITEMS_PER_EVENT)
      const taken = [...counts].slice(0, COUNTS_PER_EVENT)
      for (const [key] of taken) counts.delete(key)
      return { items, counts: taken.map(([, value]) => value) }
    },
    clear() {
      const forgotten = sizeOf({ items: requests.map(itemOf), counts: [...counts.values()] })
      requests = []
      counts.clear()
      return forgotten
    },
  }
}

const sizeOf = (batch: Batch): number =>
  batch.counts.reduce((sum, one) => sum + one.requests, batch.items.length)

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
