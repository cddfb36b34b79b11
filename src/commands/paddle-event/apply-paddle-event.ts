/**
 * ApplyPaddleEvent: what a notification says is written to subscription and payment, and that it was is
 * said last. Every step may be repeated: the streams take each message once, in the order of its source,
 * so a crash anywhere is healed by the same call again.
 */
import { streamName } from '../../domain/decider.ts'
import type { PaddleEventData } from '../../domain/paddle-event/events.ts'
import { paddleEvent, type PaddleEventStatus } from '../../domain/paddle-event/paddle-event.ts'
import { type Notice, readNotice } from '../../domain/paddle-event/payload.ts'
import {
  paymentMessage,
  returnMessage,
  type Source,
  subscriptionMessage,
  type Translated,
} from '../../domain/paddle-event/translate.ts'
import { isErased } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Position } from '../../ports/event-store.ts'
import { type Root, step, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'
import { recordPayment } from '../payment/record-payment.ts'
import { recordReturn } from '../payment/record-return.ts'
import { followSubscription } from '../subscription/follow-subscription.ts'
import { findOwner } from './find-owner.ts'
import { boughtBySubscription, boughtByTransaction, priceUses } from './price-uses.ts'

const NAME = 'apply-paddle-events'

type Needs = Pick<Deps, 'streams' | 'views' | 'ids' | 'clock'>
type Outcome =
  | { readonly kind: 'applied'; readonly orgId: string }
  | Exclude<Translated<never>, { kind: 'message' }>
type About<Kind extends Notice['kind']> = Extract<Notice, { kind: Kind }>

/** What became of it; undefined: it was never received. */
export async function applyPaddleEvent(
  deps: Needs,
  eventId: string,
): Promise<PaddleEventStatus | undefined> {
  const { state } = await deps.streams.load(paddleEvent, eventId)
  if (!state || state.status === 'applied' || state.status === 'ignored') return state?.status
  const first = await deps.streams.readOne(streamName(paddleEvent.category, eventId), 0)
  if (!first) return undefined
  // The stream of an event of Paddle begins with its reception.
  const received = first.data as PaddleEventData<'PaddleEventReceived'>
  const { id, metadata } = first.stored
  const cause = { id, correlationId: metadata.$correlationId }
  const root = systemRoot(deps.ids, NAME, cause, deps.clock.now().toISOString())
  const outcome = await outcomeOf(deps, root, { ...received, asOf: first.stored.position })
  return mark(deps, root, eventId, outcome)
}

type Received = PaddleEventData<'PaddleEventReceived'> & { readonly asOf: Position }
type FromLog = Source & Pick<Received, 'asOf'>

async function outcomeOf(
  deps: Needs,
  root: Root,
  { eventId, eventType, occurredAt, body, asOf }: Received,
): Promise<Outcome> {
  const notice = readNotice(eventType, isErased(body) ? undefined : dataOf(body))
  const source = { eventId, occurredAt, asOf }
  try {
    switch (notice.kind) {
      case 'subscription':
        return await applySubscription(deps, root, notice, source)
      case 'transaction':
        return await applyTransaction(deps, root, notice, source)
      case 'adjustment':
        return await applyAdjustment(deps, root, notice, source)
      case 'nothing':
        return { kind: 'ignored', reason: notice.reason }
      case 'unreadable':
        return { kind: 'parked', reason: 'unreadable', waitsFor: [] }
    }
  } catch (error) {
    // A "no" of the account or the subscription: it stays on the administrator's list.
    if (error instanceof Refusal) return { kind: 'parked', reason: 'refused', waitsFor: [] }
    throw error
  }
}

function dataOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { readonly data?: unknown } | null)?.data
  } catch {
    return undefined
  }
}

async function applySubscription(
  deps: Needs,
  root: Root,
  { data, links }: About<'subscription'>,
  source: FromLog,
): Promise<Outcome> {
  const orgId = await findOwner(deps, links, source.asOf)
  if (orgId === undefined) return ownerless(links)
  const uses = await priceUses(deps, boughtBySubscription(orgId, data, source))
  const translated = subscriptionMessage(data, uses, source)
  if (translated.kind !== 'message') return translated
  await followSubscription(deps, root, orgId, translated.message)
  return { kind: 'applied', orgId }
}

async function applyTransaction(
  deps: Needs,
  root: Root,
  { data, links }: About<'transaction'>,
  source: FromLog,
): Promise<Outcome> {
  const orgId = await findOwner(deps, links, source.asOf)
  if (orgId === undefined) return ownerless(links)
  const uses = await priceUses(deps, boughtByTransaction(orgId, data, source))
  const translated = paymentMessage(data, uses, source)
  if (translated.kind !== 'message') return translated
  await recordPayment(deps, root, orgId, translated.message)
  return { kind: 'applied', orgId }
}

async function applyAdjustment(
  deps: Needs,
  root: Root,
  { data, links }: About<'adjustment'>,
  source: FromLog,
): Promise<Outcome> {
  const translated = returnMessage(data, source)
  if (translated.kind !== 'message') return translated
  const orgId = await findOwner(deps, links, source.asOf)
  if (orgId === undefined) return ownerless(links)
  try {
    await recordReturn(deps, root, orgId, translated.message)
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'payment_not_found') throw error
    const waitsFor = [`payment:${data.transaction_id}`]
    return { kind: 'parked', reason: 'unknown_payment', waitsFor }
  }
  return { kind: 'applied', orgId }
}

const ownerless = (links: readonly string[]): Outcome => ({
  kind: 'parked',
  reason: 'unknown_organization',
  waitsFor: links,
})

async function mark(
  { streams, ids }: Needs,
  root: Root,
  eventId: string,
  outcome: Outcome,
): Promise<PaddleEventStatus | undefined> {
  const { at } = root
  const context = step(ids, root, `mark:${outcome.kind}`)
  const command =
    outcome.kind === 'applied'
      ? ({ type: 'MarkApplied', orgId: outcome.orgId, at } as const)
      : outcome.kind === 'ignored'
        ? ({ type: 'MarkIgnored', reason: outcome.reason, at } as const)
        : ({ type: 'Park', reason: outcome.reason, waitsFor: outcome.waitsFor, at } as const)
  const { state } = await streams.transact(paddleEvent, eventId, command, context)
  return state?.status
}
