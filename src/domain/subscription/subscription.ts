/**
 * The subscriptions of one organization: which plan it has. Manual ones (id `manual:…`) are decided
 * here; a provider's are told to us, in any order, and of two messages the later at its source counts.
 * Credit is not here: the plan in force decides which agents and limits, never whether there is money.
 */
import type { Decider } from '../decider.ts'
import { Refusal } from '../refusal.ts'
import type { LiveStatus, SubscriptionEvent, SubscriptionStatus } from './events.ts'
import {
  accessOf,
  isKnown,
  isManual,
  liveOf,
  type Message,
  noSubscriptions,
  periodOf,
  type Subscription,
  type Subscriptions,
  withMessage,
} from './state.ts'

type Source = { readonly occurredAt: string; readonly eventId: string; readonly at: string }

/** Takes a plan by hand, at once. Another plan ends the present one at the same moment. */
export type Subscribe = {
  readonly type: 'Subscribe'
  /** `manual:…`, derived from the command. */
  readonly subscriptionId: string
  readonly planId: string
  readonly planVersion: number
  readonly status?: 'active' | 'trialing'
  readonly graceDays: number
  readonly eventId: string
  readonly at: string
}

/** What a provider says of a subscription: all of it each time, so that any one message is enough. */
export interface SubscriptionMessage {
  readonly subscriptionId: string
  readonly status: SubscriptionStatus
  /** Where it says canceled: access ends here. */
  readonly endsAt?: string
  readonly planId: string
  readonly planVersion: number
  readonly graceDays: number
  readonly startedAt: string
  readonly customerId?: string
  readonly periodStart?: string
  readonly periodEnd?: string
  readonly scheduled?: { readonly change: 'cancel' | 'pause' | 'resume'; readonly at: string }
  readonly occurredAt: string
  readonly eventId: string
}

export type SubscriptionCommand =
  | Subscribe
  /** A provider's message, whatever came before it. */
  | ({ readonly type: 'FollowSubscription'; readonly at: string } & SubscriptionMessage)
  /** Ends a manual subscription at the end of its calendar period. */
  | { readonly type: 'CancelSubscription'; readonly eventId: string; readonly at: string }
  | ({
      readonly type: 'ChangeStatus'
      readonly subscriptionId: string
      readonly status: LiveStatus
    } & Source)
  /** Writes down the period of `at` for the plan in force, once. */
  | { readonly type: 'StartPeriod'; readonly at: string }

function canceled(one: Subscription, endsAt: string, eventId: string, at: string) {
  const { subscriptionId } = one
  const data = { subscriptionId, endsAt, occurredAt: at, eventId, at }
  return { type: 'SubscriptionCanceled', data } as const
}

function subscribe(command: Subscribe, state: Subscriptions): readonly SubscriptionEvent[] {
  const { type: _type, status = 'active', ...facts } = command
  const { subscriptionId, planId, eventId, at } = command
  if (state.all.has(subscriptionId)) return []
  const live = liveOf(state)
  if (live && !isManual(live.subscriptionId)) throw new Refusal('billing_by_provider')
  // The same plan again is already true; a plan in force is taken anew only to get its newer version.
  if (live?.planId === planId && live.planVersion === command.planVersion) return []
  const started = { ...facts, status, startedAt: at, occurredAt: at }
  return [
    ...(live ? [canceled(live, at, eventId, at)] : []),
    { type: 'SubscriptionStarted', data: started },
  ]
}

function cancel(eventId: string, at: string, state: Subscriptions): readonly SubscriptionEvent[] {
  const live = liveOf(state)
  if (!live) {
    if (state.all.size === 0) throw new Refusal('not_subscribed')
    return []
  }
  if (!isManual(live.subscriptionId)) throw new Refusal('billing_by_provider')
  return [canceled(live, periodOf(state, at)?.end ?? at, eventId, at)]
}

function startPeriod(at: string, state: Subscriptions): readonly SubscriptionEvent[] {
  const access = accessOf(state, at)
  const period = periodOf(state, at)
  if (!access || !period) return []
  const { subscriptionId, planId, planVersion } = access
  if ((state.periods.get(planId) ?? '') >= period.start) return []
  const { start: periodStart, end: periodEnd } = period
  const data = { subscriptionId, planId, planVersion, periodStart, periodEnd, at }
  return [{ type: 'PeriodStarted', data }]
}

function decide(command: SubscriptionCommand, state: Subscriptions): readonly SubscriptionEvent[] {
  switch (command.type) {
    case 'Subscribe':
      return subscribe(command, state)
    case 'CancelSubscription':
      return cancel(command.eventId, command.at, state)
    case 'ChangeStatus': {
      const { type: _type, ...data } = command
      const one = state.all.get(command.subscriptionId)
      if (!one) throw new Refusal('not_subscribed', { subscriptionId: command.subscriptionId })
      // A provider's message is kept also where it says nothing new: what comes late is put before it.
      const news = isManual(one.subscriptionId)
        ? one.status !== command.status
        : !isKnown(one, command)
      if (!news) return []
      return [{ type: 'SubscriptionStatusChanged', data }]
    }
    case 'FollowSubscription':
      return follow(command, state)
    case 'StartPeriod':
      return startPeriod(command.at, state)
  }
}

function follow(
  {
    type: _type,
    status,
    endsAt,
    ...facts
  }: Extract<SubscriptionCommand, { type: 'FollowSubscription' }>,
  state: Subscriptions,
): readonly SubscriptionEvent[] {
  const { subscriptionId, occurredAt, eventId, at, startedAt: _startedAt, ...told } = facts
  const one = state.all.get(subscriptionId)
  if (one && isKnown(one, facts)) return []
  const live = status === 'canceled' ? 'active' : status
  const started = { type: 'SubscriptionStarted', data: { ...facts, status: live } } as const
  const source = { subscriptionId, occurredAt, eventId, at }
  if (status === 'canceled') {
    const data = { ...source, endsAt: endsAt ?? at }
    const ended = { type: 'SubscriptionCanceled', data } as const
    return one ? [ended] : [started, ended]
  }
  return one
    ? [{ type: 'SubscriptionStatusChanged', data: { ...told, ...source, status } }]
    : [started]
}

function evolve(state: Subscriptions, { type, data }: SubscriptionEvent): Subscriptions {
  switch (type) {
    case 'SubscriptionStarted': {
      const { at: _at, status, occurredAt, eventId, ...facts } = data
      const first = { status, endsAt: undefined, occurredAt, eventId }
      const one = withMessage({ ...facts, messages: [] }, first)
      const all = new Map(state.all).set(data.subscriptionId, one)
      return { ...state, all, anchor: state.anchor ?? data.startedAt }
    }
    case 'SubscriptionStatusChanged':
      return followed(state, data, { status: data.status, endsAt: undefined })
    case 'SubscriptionCanceled':
      return followed(state, data, { status: 'canceled', endsAt: data.endsAt })
    case 'PeriodStarted':
      return { ...state, periods: new Map(state.periods).set(data.planId, data.periodStart) }
  }
}

function followed(
  state: Subscriptions,
  { subscriptionId, occurredAt, eventId }: Source & { readonly subscriptionId: string },
  change: Pick<Message, 'status' | 'endsAt'>,
): Subscriptions {
  const one = state.all.get(subscriptionId)
  if (!one) return state
  const after = withMessage(one, { ...change, occurredAt, eventId })
  return { ...state, all: new Map(state.all).set(subscriptionId, after) }
}

export const subscription: Decider<Subscriptions, SubscriptionCommand, SubscriptionEvent> = {
  category: 'subscription',
  initial: () => noSubscriptions,
  decide,
  evolve,
}
