/** What an organization's subscriptions are after their events, and what they allow at a time. */
import type { SubscriptionStatus } from './events.ts'
import { addDays, monthlyPeriod, type Period } from './period.ts'

/** What happened to a subscription at its source. */
export interface Message {
  readonly status: SubscriptionStatus
  /** Where it says canceled: access ends here. */
  readonly endsAt: string | undefined
  readonly occurredAt: string
  readonly eventId: string
}

export interface Subscription {
  readonly subscriptionId: string
  readonly planId: string
  readonly planVersion: number
  readonly startedAt: string
  readonly graceDays: number
  /**
   * In order of the source: what came late is put where it belongs. So the rest here is a function of
   * the set of messages, whatever order they came in.
   */
  readonly messages: readonly Message[]
  /** Of the last message. */
  readonly status: SubscriptionStatus
  readonly endsAt: string | undefined
  /** Since when without a break, while it is past due. */
  readonly pastDueSince: string | undefined
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

export const isKnown = ({ messages }: Subscription, message: Source): boolean =>
  messages.some((one) => compareSource(one, message) === 0)

type Source = Pick<Message, 'occurredAt' | 'eventId'>

const compareSource = (a: Source, b: Source): number =>
  compare(a.occurredAt, b.occurredAt) || compare(a.eventId, b.eventId)
const compare = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1)

/** A provider's messages in the provider's order; what we decided ourselves in the stream's. */
export function withMessage(
  one: Omit<Subscription, 'status' | 'endsAt' | 'pastDueSince'>,
  message: Message,
): Subscription {
  const messages = [...one.messages, message]
  if (!isManual(one.subscriptionId)) messages.sort(compareSource)
  const last = messages.at(-1) ?? message
  const recovered = messages.findLastIndex(({ status }) => status !== 'past_due')
  return {
    ...one,
    messages,
    status: last.status,
    endsAt: last.endsAt,
    pastDueSince: messages[recovered + 1]?.occurredAt,
  }
}

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
      return one.pastDueSince && addDays(one.pastDueSince, one.graceDays)
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
