/** What an organization's subscriptions are after their events, and what they allow at a time. */
import type { SubscriptionStatus } from './events.ts'
import type { Asked, Message, PlanChange, Scheduled } from './message.ts'
import { addDays, monthlyPeriod, type Period } from './period.ts'
import { planAt } from './plan-at.ts'

export type { Asked, Message, PlanChange, Scheduled } from './message.ts'

export interface Subscription {
  readonly subscriptionId: string
  /**
   * In order of the source: what came late is put where it belongs. So the rest here is a function of
   * the set of messages, whatever order they came in.
   */
  readonly messages: readonly Message[]
  /** What was asked of the provider, in our order. */
  readonly changes: readonly PlanChange[]
  /** What the provider was asked last: it may not have answered yet. */
  readonly asked?: Asked
  /** Of the last message. */
  readonly status: SubscriptionStatus
  readonly endsAt: string | undefined
  readonly scheduled?: Scheduled
  /** Of the last message that says it; what is in force, `planAt` says. */
  readonly planId: string
  readonly planVersion: number
  readonly graceDays: number
  readonly startedAt: string
  /** The provider's id of the customer. */
  readonly customerId?: string
  /** The time that is paid for, or tried, as the provider last said. */
  readonly period?: Period
  /** Since when without a break, while it is past due. */
  readonly pastDueSince: string | undefined
}

export interface Subscriptions {
  /** By subscription id, in order of arrival. */
  readonly all: ReadonlyMap<string, Subscription>
  /**
   * Start of the very first: calendar periods count from its day, whichever plan comes later. Of our own
   * where there is one; else the earliest at the provider.
   */
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
  subscriptionId: string,
  known: Pick<Subscription, 'messages' | 'changes' | 'asked'> | undefined,
  message: Message,
): Subscription {
  const { messages: before = [], changes = [], asked } = known ?? {}
  const newest = before.at(-1)
  const isNext = isManual(subscriptionId) || !newest || compareSource(newest, message) < 0
  const messages = isNext ? [...before, message] : inPlace(before, message)
  const last = messages.at(-1) ?? message
  const plan = messages.findLast(({ planId }) => planId !== undefined)
  const customerId = lastSaid(messages, 'customerId')
  const period = lastPeriod(messages)
  const recovered = messages.findLastIndex(({ status }) => status !== 'past_due')
  return {
    subscriptionId,
    messages,
    changes,
    ...(asked && { asked }),
    status: last.status,
    endsAt: last.endsAt,
    ...(last.scheduled && { scheduled: last.scheduled }),
    planId: plan?.planId ?? '',
    planVersion: plan?.planVersion ?? 0,
    graceDays: lastSaid(messages, 'graceDays') ?? 0,
    startedAt: lastSaid(messages, 'startedAt') ?? last.occurredAt,
    ...(customerId !== undefined && { customerId }),
    ...(period && { period }),
    pastDueSince: messages[recovered + 1]?.occurredAt,
  }
}

const inPlace = (before: readonly Message[], message: Message): readonly Message[] =>
  [...before.filter((one) => compareSource(one, message) !== 0), message].toSorted(compareSource)

function lastPeriod(messages: readonly Message[]): Period | undefined {
  const said = messages.findLast(
    (one) => one.periodStart !== undefined && one.periodEnd !== undefined,
  )
  const { periodStart: start, periodEnd: end } = said ?? {}
  return start === undefined || end === undefined ? undefined : { start, end }
}

const lastSaid = <K extends keyof Message>(messages: readonly Message[], key: K) =>
  messages.findLast((one) => one[key] !== undefined)?.[key]

/** The anchor that all these subscriptions give. */
export function anchorOf(all: ReadonlyMap<string, Subscription>): string | undefined {
  const ones = [...all.values()]
  const own = ones.find(({ subscriptionId }) => isManual(subscriptionId))
  if (own) return own.startedAt
  return ones.map(({ startedAt }) => startedAt).toSorted(compare)[0]
}

/**
 * What is paid for at the provider before what was taken by hand, which gives way to it and comes back
 * after it; of each the newest first.
 */
const byRank = (state: Subscriptions): readonly Subscription[] =>
  [...state.all.values()].toReversed().sort((a, b) => {
    const [ofA, ofB] = [isManual(a.subscriptionId), isManual(b.subscriptionId)]
    if (ofA !== ofB) return ofA ? 1 : -1
    const newer = compare(b.startedAt, a.startedAt)
    // Our own of one moment stand in the stream's order; a provider's come in any.
    return newer || (ofA ? 0 : compare(b.subscriptionId, a.subscriptionId))
  })

/** The first that is not canceled. */
export const liveOf = (state: Subscriptions): Subscription | undefined =>
  byRank(state).find(({ status }) => status !== 'canceled')

/** The newest that a provider keeps and that has not ended, whatever was taken by hand beside it. */
export const keptAtProvider = (state: Subscriptions): Subscription | undefined =>
  byRank(state).find(
    ({ status, subscriptionId }) => status !== 'canceled' && !isManual(subscriptionId),
  )

/** What the organization is told: what is not canceled, else the one that began last. */
export const currentOf = (state: Subscriptions): Subscription | undefined =>
  liveOf(state) ?? byRank(state).toSorted((a, b) => compare(b.startedAt, a.startedAt))[0]

/** The plan in force. `until`: where it is known to end, by itself or for another plan. */
export interface Access {
  readonly subscriptionId: string
  readonly planId: string
  readonly planVersion: number
  readonly status: SubscriptionStatus
  readonly until: string | undefined
}

/**
 * The plan in force at a time: of the first subscription that gives access then. `byHand`: as if nothing
 * were paid for at a provider.
 */
export function accessOf(
  state: Subscriptions,
  at: string,
  { byHand = false }: { readonly byHand?: boolean } = {},
): Access | undefined {
  for (const one of byRank(state)) {
    if (byHand && !isManual(one.subscriptionId)) continue
    const until = endOfAccess(one)
    if (until === 'never' || one.startedAt > at || (until !== undefined && until <= at)) continue
    const { subscriptionId, status } = one
    const { planId, planVersion, next } = planAt(one, at)
    const ends = next && (until === undefined || next.at < until) ? next.at : until
    return { subscriptionId, planId, planVersion, status, until: ends }
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
