/**
 * Reads on in Paddle's own list of events and takes what had not reached us through the same door as the
 * webhook. What is younger than two minutes is left to the webhook; what happened days before the very
 * first look is another system's past. Where Paddle no longer knows the place that was reached, it is read on
 * from some days before. Reading the same again changes nothing.
 */
import { isUsedType } from '../../domain/paddle-event/payload.ts'
import {
  RECONCILIATION,
  type Reconciliation,
  reconciliation,
} from '../../domain/paddle-event/reconciliation.ts'
import { Refusal } from '../../domain/refusal.ts'
import { EventTooLarge } from '../../ports/event-store.ts'
import {
  type PaymentProvider,
  PaymentProviderFailure,
  type ProviderEvent,
  type ProviderEvents,
} from '../../ports/payment-provider.ts'
import { namedRoot, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { receivePaddleEvent } from './receive-paddle-event.ts'

type Needs = Pick<Deps, 'streams' | 'ids' | 'logger' | 'clock'>

export interface Reconciled {
  readonly read: number
  /** So many had not reached us. */
  readonly missed: number
  /** There is more to read at once. */
  readonly more: boolean
}

const WEBHOOKS_MS = 2 * 60_000
/** As long as Paddle itself tries to deliver. */
const FIRST_LOOK_MS = 3 * 24 * 60 * 60_000

/** One page. @throws PaymentProviderFailure, Unavailable */
export async function reconcileEvents(
  deps: Needs,
  provider: PaymentProvider,
  root: Root,
): Promise<Reconciled> {
  const { streams, ids } = deps
  const now = deps.clock.now().getTime()
  const { state } = await streams.load(reconciliation, RECONCILIATION)
  const { events, more, since } = await readOn(deps, provider, state)
  const young = events.findIndex(({ occurredAt }) => now - Date.parse(occurredAt) < WEBHOOKS_MS)
  const ripe = young < 0 ? events : events.slice(0, young)
  const ours = ripe.filter(({ occurredAt }) => Date.parse(occurredAt) > since)
  let missed = 0
  for (const event of ours) if (await take(deps, root, event)) missed++
  const cursor = ripe.at(-1)?.eventId
  if (cursor === undefined) return { read: 0, missed, more: false }
  const read = ours.length
  if (missed > 0) deps.logger.warn({ missed }, 'notifications of Paddle had not reached us')
  await streams.transact(
    reconciliation,
    RECONCILIATION,
    { type: 'Reach', cursor, read, missed, at: root.at },
    step(ids, namedRoot(ids, root, `paddle/read/${cursor}`), 'reach'),
  )
  return { read, missed, more: more && young < 0 }
}

interface Page extends ProviderEvents {
  /** What happened earlier is not ours to look at. */
  readonly since: number
}

async function readOn(
  { clock, logger }: Needs,
  provider: PaymentProvider,
  { cursor, reachedAt }: Reconciliation,
): Promise<Page> {
  if (cursor === undefined || reachedAt === undefined)
    return { ...(await provider.eventsAfter(cursor)), since: clock.now().getTime() - FIRST_LOOK_MS }
  try {
    return { ...(await provider.eventsAfter(cursor)), since: Number.NEGATIVE_INFINITY }
  } catch (error) {
    if (!(error instanceof PaymentProviderFailure) || error.reason !== 'refused') throw error
    logger.warn({ cursor, reachedAt }, 'Paddle does not know how far its events were read: looking')
  }
  // It keeps its events for some months, and shows them by place alone.
  const since = Date.parse(reachedAt) - FIRST_LOOK_MS
  for (let after: string | undefined; ;) {
    const page = await provider.eventsAfter(after)
    const last = page.events.at(-1)
    if (!page.more || !last || Date.parse(last.occurredAt) > since) return { ...page, since }
    after = last.eventId
  }
}

/** Answers whether it had not been received. */
async function take(deps: Needs, root: Root, { eventId, body }: ProviderEvent): Promise<boolean> {
  const { event_type: type } = JSON.parse(body) as { event_type?: unknown }
  if (typeof type !== 'string' || !isUsedType(type)) return false
  try {
    const { isNew } = await receivePaddleEvent(deps, root, { text: body, source: 'reconciler' })
    return isNew
  } catch (error) {
    // It would stand in the way of all that follow: the log says which one.
    if (!(error instanceof Refusal) && !(error instanceof EventTooLarge)) throw error
    deps.logger.error(
      { eventId, error },
      'an event of Paddle could not be taken and was passed over',
    )
    return false
  }
}
