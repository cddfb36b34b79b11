/** What an organization's subscriptions are after their events, and what they allow at a time. */
import type { SubscriptionStatus } from './events.ts'
import { addDays, monthlyPeriod, type Period } from './period.ts'

export interface Subscription {
  readonly subscriptionId: string
  readonly planId: string
  readonly planVersion: number
  readonly status: SubscriptionStatus
  readonly startedAt: string
  readonly graceDays: number
  /** Since when, while it is past due. */
  readonly pastDueSince: string | undefined
  /** Once it is canceled: access ends here. */
  readonly endsAt: string | undefined
  /** The last message that counted. */
  readonly occurredAt: string
  readonly eventId: string
}

export interface Subscriptions {
  /** By subscription id, in order of arrival. */
  readonly all: ReadonlyMap<string, Subscription>
  /** Start of the very first: periods count from its day, whichever plan comes later. */
  readonly anchor: string | undefined
  /** Start of the last period of each plan. */
  readonly periods: ReadonlyMap<string, string>
}

export const noSubscriptions: Subscriptions = {
  all: new Map(),
  anchor: undefined,
  periods: new Map(),
}

export const isManual = (subscriptionId: string): boolean => subscriptionId.startsWith('manual:')

/**
 * Whether a message counts. What a provider says counts when it is later at the provider than the last;
 * what we decided ourselves counts in the order of the stream.
 */
export const counts = (
  message: { readonly occurredAt: string; readonly eventId: string },
  one: Subscription,
): boolean =>
  isManual(one.subscriptionId) ||
  message.occurredAt > one.occurredAt ||
  (message.occurredAt === one.occurredAt && message.eventId > one.eventId)

/** Newest first. */
const byAge = (state: Subscriptions): readonly Subscription[] =>
  [...state.all.values()]
    .toReversed()
    .sort((a, b) => (a.startedAt === b.startedAt ? 0 : a.startedAt < b.startedAt ? 1 : -1))

/** The newest that is not canceled. */
export const liveOf = (state: Subscriptions): Subscription | undefined =>
  byAge(state).find(({ status }) => status !== 'canceled')

/** What the organization is told: the newest not canceled, else the one that was canceled last. */
export const currentOf = (state: Subscriptions): Subscription | undefined =>
  liveOf(state) ?? byAge(state)[0]

/** The plan in force. `until`: known end of the access, where there is one. */
export interface Access {
  readonly subscriptionId: string
  readonly planId: string
  readonly planVersion: number
  readonly status: SubscriptionStatus
  readonly until: string | undefined
}

/** The plan in force at a time: the newest subscription that gives access then. */
export function accessOf(state: Subscriptions, at: string): Access | undefined {
  for (const one of byAge(state)) {
    const until = endOfAccess(one)
    if (until === 'never' || one.startedAt > at || (until !== undefined && until <= at)) continue
    const { subscriptionId, planId, planVersion, status } = one
    return { subscriptionId, planId, planVersion, status, until }
  }
  return undefined
}

function endOfAccess(one: Subscription): string | undefined {
  switch (one.status) {
    case 'active':
    case 'trialing':
      return undefined
    case 'past_due':
      return addDays(one.pastDueSince ?? one.occurredAt, one.graceDays)
    case 'canceled':
      return one.endsAt
    case 'pending':
    case 'paused':
      return 'never'
  }
}

/** The calendar period of a time; undefined before the first subscription. */
export const periodOf = (state: Subscriptions, at: string): Period | undefined =>
  state.anchor === undefined ? undefined : monthlyPeriod(state.anchor, at)
