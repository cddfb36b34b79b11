/**
 * What an organization's owners and admins are to hear by mail, until every mail about it was asked for:
 * empty but for what a crash has left, and for payments that are still due, which are told once. End
 * users are too many to write about: what their budgets reach are events and nothing more.
 */
import { accountEvents } from '../domain/account/events.ts'
import { parseStreamName } from '../domain/decider.ts'
import { mailEvents, type MailKind } from '../domain/mail/events.ts'
import { paymentEvents } from '../domain/payment/events.ts'
import { subscriptionEvents } from '../domain/subscription/events.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

/** Holds nothing personal: it also travels as a job. */
export interface UntoldNews {
  readonly kind: Extract<MailKind, 'budget_threshold' | 'payment_failed' | 'payment_returned'>
  readonly orgId: string
  /** The event, its stream and its place there, and the request at its root. */
  readonly eventId: string
  readonly stream: string
  readonly revision: number
  readonly correlationId: string
  /** Mails that were asked for. */
  readonly requested: number
  /** All were; it stays to be told no second time. */
  readonly told?: true
}

const events = { ...accountEvents, ...subscriptionEvents, ...paymentEvents, ...mailEvents }
type AnyEvent = Pick<ProjectedEvent, 'type' | 'data' | 'id' | 'stream' | 'revision' | 'metadata'>

function kindOf({ type, data }: Pick<AnyEvent, 'type' | 'data'>): UntoldNews['kind'] | undefined {
  switch (type) {
    case 'BudgetThresholdReached':
      return data['per'] === 'end_user' ? undefined : 'budget_threshold'
    case 'SubscriptionStarted':
    case 'SubscriptionStatusChanged':
      return data['status'] === 'past_due' ? 'payment_failed' : undefined
    case 'PaymentReturned': {
      // A warning takes nothing yet.
      const takes = data['kind'] !== 'chargeback_warning' && data['undoes'] !== true
      // Into another plan nothing goes back to the buyer.
      const back = takes && data['totalMinor'] !== '0'
      return back && data['status'] === 'approved' ? 'payment_returned' : undefined
    }
    default:
      return undefined
  }
}
export const eventsWithNews = [
  'BudgetThresholdReached',
  'SubscriptionStarted',
  'SubscriptionStatusChanged',
  'PaymentReturned',
] as const

const pastDue = (orgId: unknown): string => `past_due/${String(orgId)}`

export function newsOf(event: AnyEvent): { key: string; news: UntoldNews } | undefined {
  const kind = kindOf(event)
  if (kind === undefined) return undefined
  const { id: eventId, stream, revision, metadata } = event
  const orgId = parseStreamName(stream).id
  const { $correlationId: correlationId } = metadata
  return {
    key: kind === 'payment_failed' ? pastDue(orgId) : eventId,
    news: { kind, orgId, eventId, stream, revision, correlationId, requested: 0 },
  }
}

const once = {
  keys: (event: AnyEvent) => newsOf(event)?.key,
  project: (_view: UntoldNews | undefined, event: AnyEvent) => newsOf(event)?.news,
}
/** The payment of an organization is due from the first such message until one says otherwise. */
const standing = {
  keys: ({ stream }: AnyEvent) => pastDue(parseStreamName(stream).id),
  project: (view: UntoldNews | undefined, event: AnyEvent) => {
    const found = newsOf(event)?.news
    return found && (view ?? found)
  },
}

export const untoldNews = projection<UntoldNews, typeof events>(events, {
  name: 'untold-news',
  version: 1,
  indexes: {},
  on: {
    BudgetThresholdReached: once,
    PaymentReturned: once,
    SubscriptionStarted: standing,
    SubscriptionStatusChanged: standing,
    SubscriptionCanceled: standing,
    MailRequested: {
      keys({ data, metadata }) {
        if (data.kind === 'payment_failed') return pastDue(metadata.orgId)
        const isOnce = data.kind === 'budget_threshold' || data.kind === 'payment_returned'
        return isOnce ? metadata.$causationId : undefined
      },
      project(view, { data }) {
        if (!view || view.told) return view
        const requested = view.requested + 1
        if (requested < (data.ofMails ?? 1)) return { ...view, requested }
        return data.kind === 'payment_failed' ? { ...view, requested, told: true } : undefined
      },
    },
  },
})

/** What is under this key and was not told. */
export async function untold(views: Views, key: string): Promise<UntoldNews | undefined> {
  const found = await views.get(untoldNews, key)
  return found?.told ? undefined : found
}

export async function* newsToTell(views: Views): AsyncIterable<UntoldNews> {
  for await (const { document } of views.all(untoldNews)) if (!document.told) yield document
}
