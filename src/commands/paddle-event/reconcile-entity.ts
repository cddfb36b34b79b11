/**
 * Asks Paddle how one subscription, transaction or adjustment is now. Where ours differs, that is written
 * down, and Paddle's state goes as a message through the same door as a notification: its id follows from
 * the thing and the time of its last change, so asking again changes nothing.
 */
import { payments } from '../../domain/payment/payments.ts'
import { preciseInstant } from '../../domain/paddle-event/instant.ts'
import { type Notice, readNotice } from '../../domain/paddle-event/payload.ts'
import { RECONCILIATION, reconciliation } from '../../domain/paddle-event/reconciliation.ts'
import {
  paymentMessage,
  returnMessage,
  subscriptionMessage,
  type Translated,
} from '../../domain/paddle-event/translate.ts'
import { Refusal } from '../../domain/refusal.ts'
import { subscription } from '../../domain/subscription/subscription.ts'
import type { ProviderEntity } from '../../ports/payment-provider.ts'
import { namedRoot, type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { askProvider } from '../payment/ask-provider.ts'
import { applyPaddleEvent } from './apply-paddle-event.ts'
import { findOwner } from './find-owner.ts'
import { boughtBySubscription, boughtByTransaction, priceUses } from './price-uses.ts'
import { receivePaddleEvent } from './receive-paddle-event.ts'

type Needs = Pick<Deps, 'streams' | 'views' | 'ids' | 'clock' | 'logger' | 'paymentProvider'>

const VIEWS_WITHIN_MS = 1_000

export interface ReconciledEntity {
  readonly entityId: string
  readonly differences: readonly string[]
  /** The message that was made of it, and what became of that; undefined: nothing differs. */
  readonly event: { readonly eventId: string; readonly status: string } | undefined
}

/**
 * @throws Refusal not_found, no_payment_provider, payment_provider_unavailable,
 *   payment_provider_refused
 */
export async function reconcileEntity(
  deps: Needs,
  root: Root,
  entityId: string,
): Promise<ReconciledEntity> {
  const { streams, ids } = deps
  // Whose it is, is looked up in a view: what this process has just written must be there.
  await deps.views.passed(streams.lastWritten(), VIEWS_WITHIN_MS)
  const entity = await askProvider(deps, 'read entity', (it) => it.readEntity(entityId))
  if (!entity) throw new Refusal('not_found')
  const eventId = idOf(deps, entity)
  const type = `${entity.kind}.updated`
  const occurredAt = entity.updatedAt
  const source = { eventId, occurredAt: preciseInstant(occurredAt) ?? occurredAt }
  const differences = await differencesOf(deps, readNotice(type, entity.data), source)
  if (differences.length === 0) return { entityId, differences, event: undefined }
  await streams.transact(
    reconciliation,
    RECONCILIATION,
    { type: 'DetectDrift', entityId, eventId, differences, at: root.at },
    step(ids, namedRoot(ids, root, `paddle/drift/${eventId}`), 'drift'),
  )
  const text = JSON.stringify({
    event_id: eventId,
    event_type: type,
    occurred_at: occurredAt,
    data: entity.data,
  })
  await receivePaddleEvent(deps, root, { text, source: 'reconciler' })
  const status = (await applyPaddleEvent(deps, eventId)) ?? 'received'
  return { entityId, differences, event: { eventId, status } }
}

/** As an id of Paddle, and never one of its own: of the thing and of its last change. */
const idOf = ({ ids }: Pick<Deps, 'ids'>, { id, updatedAt }: ProviderEntity): string =>
  `evt_state${ids.sha256(`${id} ${updatedAt}`).slice(0, 32)}`

interface Source {
  readonly eventId: string
  readonly occurredAt: string
}
const NOT_KNOWN = ['not known here'] as const

async function differencesOf(
  deps: Needs,
  notice: Notice,
  source: Source,
): Promise<readonly string[]> {
  if (notice.kind === 'nothing') return []
  if (notice.kind === 'unreadable') return ['cannot be read here']
  const orgId = await findOwner(deps, notice.links)
  if (orgId === undefined) return ['no organization is known for it']
  switch (notice.kind) {
    case 'subscription':
      return ofSubscription(deps, orgId, notice.data, source)
    case 'transaction':
      return ofTransaction(deps, orgId, notice.data, source)
    case 'adjustment':
      return ofAdjustment(deps, orgId, notice.data, source)
  }
}

type About<Kind extends Notice['kind']> =
  Extract<Notice, { kind: Kind }> extends {
    readonly data: infer Data
  }
    ? Data
    : never

async function ofSubscription(
  deps: Needs,
  orgId: string,
  data: About<'subscription'>,
  source: Source,
): Promise<readonly string[]> {
  const uses = await priceUses(deps, boughtBySubscription(orgId, data, source))
  return compared(subscriptionMessage(data, uses, source), async (theirs) => {
    const ours = (await deps.streams.load(subscription, orgId)).state.all.get(data.id)
    if (!ours) return NOT_KNOWN
    return [
      ...differs('status', ours.status, theirs.status),
      ...differs('plan', ours.planId, theirs.planId),
      ...differs('ends', ours.endsAt, theirs.endsAt),
      ...differs('scheduled', ours.scheduled?.change, theirs.scheduled?.change),
      ...(theirs.periodEnd === undefined
        ? []
        : differs('period until', ours.period?.end, theirs.periodEnd)),
    ]
  })
}

async function ofTransaction(
  deps: Needs,
  orgId: string,
  data: About<'transaction'>,
  source: Source,
): Promise<readonly string[]> {
  const uses = await priceUses(deps, boughtByTransaction(orgId, data, source))
  return compared(paymentMessage(data, uses, source), async (theirs) => {
    const ours = (await deps.streams.load(payments, orgId)).state.payments.get(data.id)
    if (!ours) return NOT_KNOWN
    return [
      ...differs('currency', ours.currency, theirs.currency),
      ...differs('total', ours.totalMinor, theirs.totalMinor),
      ...differs('tax', ours.taxMinor, theirs.taxMinor),
      ...differs('invoice', ours.invoiceNumber, theirs.invoiceNumber),
    ]
  })
}

async function ofAdjustment(
  deps: Needs,
  orgId: string,
  data: About<'adjustment'>,
  source: Source,
): Promise<readonly string[]> {
  return compared(returnMessage(data, source), async (theirs) => {
    const ours = (await deps.streams.load(payments, orgId)).state.returns.get(data.id)
    if (!ours) return NOT_KNOWN
    return [
      ...differs('status', ours.status, theirs.status),
      ...differs('total', ours.totalMinor, theirs.totalMinor),
    ]
  })
}

/** What says nothing here cannot differ; what cannot be said waits on the administrator's list. */
async function compared<Message>(
  theirs: Translated<Message>,
  compare: (message: Message) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  if (theirs.kind === 'ignored') return []
  if (theirs.kind === 'parked') return [`cannot be applied: ${theirs.reason}`]
  return compare(theirs.message)
}

const differs = (
  what: string,
  ours: string | undefined,
  theirs: string | undefined,
): readonly string[] =>
  ours === theirs ? [] : [`${what}: ${ours ?? 'none'}, at Paddle ${theirs ?? 'none'}`]
