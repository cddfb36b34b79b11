/**
 * Every refusal by a role, a scope, a policy, a limit or a budget is written down, in batches
 * (batch-recorder.ts). The same refusal of the same caller within a batch is counted, not repeated.
 */
import { denialDecider, denialStreamId, MAX_BATCHES } from '../../domain/denial/denial.ts'
import { type DenialItem, MAX_DENIALS } from '../../domain/denial/events.ts'
import { limitDimensions, type Ruling } from '../../domain/policy/events.ts'
import { Refusal, type RefusalCode } from '../../domain/refusal.ts'
import type { AccessRule, Actor } from '../access.ts'
import {
  type Appender,
  type BatchRecorder,
  createAppender,
  createBatchRecorder,
  type Waiting,
} from '../batch-recorder.ts'
import type { Deps } from '../deps.ts'

const EVERY_MS = 1_000
/** Different denials that wait for the log at most, about 5 MB. */
const MAX_WAITING = 10_000

/** A request that was refused. */
export interface DeniedRequest {
  readonly refusal: Refusal
  readonly route: string
  readonly method: string
  readonly access: Pick<AccessRule, 'resource' | 'action'>
  readonly actor: Actor | undefined
  readonly at: Date
}

export type DenialRecorder = BatchRecorder<DeniedRequest>

export interface DenialRecorderOptions {
  /** Told how many denials will never be written down. */
  readonly onDropped?: (denials: number) => void
}

type RecorderDeps = Pick<Deps, 'streams' | 'ids' | 'clock' | 'logger' | 'settings'>
type Batch = readonly DenialItem[]

export const createDenialRecorder = (
  deps: RecorderDeps,
  { onDropped }: DenialRecorderOptions = {},
): DenialRecorder =>
  createBatchRecorder({
    name: 'denials',
    on: true,
    everyMs: EVERY_MS,
    // A batch is for a whole second, however quick the log is.
    patience: MAX_DENIALS,
    waiting: createWaiting(),
    appender: appenderOf(deps),
    sizeOf: (batch) => batch.reduce((sum, { times }) => sum + times, 0),
    logger: deps.logger,
    onDropped,
  })

/** Refusals that are about what somebody may do, not about what they have sent. */
const DENIALS: ReadonlySet<RefusalCode> = new Set([
  'forbidden',
  'policy_denied',
  'rate_limited',
  'budget_exceeded',
])

export const isDenial = ({ code }: Refusal): boolean => DENIALS.has(code)

/** A decision's refusal carries its ruling; what is built in has only a name. */
function rulingOf({ code, facts }: Refusal): Ruling {
  const { policyId, version, rule, policy, reason, needed, planId } = facts
  if (typeof policyId === 'string')
    return {
      policyId,
      version: typeof version === 'number' ? version : 0,
      rule: text(rule) ?? text(policy) ?? code,
      reason: text(reason) ?? code,
    }
  const builtIn = { policyId: 'role', version: 0 }
  if (typeof planId === 'string')
    return { ...builtIn, policyId: planId, rule: 'plan', reason: 'the plan does not include it' }
  return {
    ...builtIn,
    rule: 'role',
    reason: typeof needed === 'string' ? `needs ${needed}` : code,
  }
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, 120) : undefined

function itemOf({ refusal, route, method, access, actor, at }: DeniedRequest): DenialItem {
  const dimension = limitDimensions.find((one) => one === refusal.facts['dimension'])
  return {
    at: at.toISOString(),
    lastAt: at.toISOString(),
    times: 1,
    code: refusal.code,
    ruling: rulingOf(refusal),
    route: route.slice(0, 200) || '(unknown)',
    method: /^[A-Z]{1,16}$/.test(method) ? method : 'OTHER',
    resource: access.resource,
    action: access.action,
    ...(actor?.kind === 'user' ? { userId: actor.userId } : {}),
    ...(actor?.kind === 'key' ? { keyId: actor.keyId } : {}),
    ...(actor === undefined || actor.kind === 'anonymous' || actor.orgId === undefined
      ? {}
      : { orgId: actor.orgId }),
    ...(dimension === undefined ? {} : { dimension }),
  }
}

const sameness = ({ code, ruling, route, method, userId, keyId, orgId }: DenialItem): string =>
  JSON.stringify([code, ruling.policyId, ruling.rule, route, method, userId, keyId, orgId])

function createWaiting(): Waiting<DeniedRequest, Batch> {
  const items = new Map<string, DenialItem>()
  return {
    size: () => items.size,
    add(denied) {
      const item = itemOf(denied)
      const key = sameness(item)
      const before = items.get(key)
      if (!before && items.size >= MAX_WAITING) return false
      items.set(key, before ? { ...before, lastAt: item.lastAt, times: before.times + 1 } : item)
      return true
    },
    take() {
      if (items.size === 0) return undefined
      const taken = [...items].slice(0, MAX_DENIALS)
      for (const [key] of taken) items.delete(key)
      return taken.map(([, item]) => item)
    },
    clear() {
      const forgotten = [...items.values()].reduce((sum, { times }) => sum + times, 0)
      items.clear()
      return forgotten
    },
  }
}

const appenderOf = (deps: RecorderDeps): Appender<Batch> => {
  const { runId } = deps.settings
  return createAppender(
    deps,
    {
      worker: 'record-denials',
      maxBatches: MAX_BATCHES,
      idOf: (stream) => denialStreamId(runId, stream),
    },
    (items, { id, context, ...place }) =>
      deps.streams.transact(
        denialDecider,
        id,
        { type: 'RecordDenials', runId, ...place, items },
        context,
      ),
  )
}
