/**
 * The subscriptions of one organization: which plan it has. Manual ones (id `manual:…`) are decided
 * here; a provider's are told to us, in any order, and of two messages the later at its source counts.
 * Credit is not here: the plan in force decides which agents and limits, never whether there is money.
 */
import type { Decider } from '../decider.ts'
import { Refusal } from '../refusal.ts'
import type { SubscriptionEvent } from './events.ts'
import {
  accessOf,
  anchorOf,
  type Asked,
  isKnown,
  isManual,
  liveOf,
  type Message,
  noSubscriptions,
  periodOf,
  type PlanChange,
  type Subscription,
  type Subscriptions,
  withMessage,
} from './state.ts'

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
export interface SubscriptionMessage extends Message {
  readonly subscriptionId: string
  readonly planId: string
  readonly planVersion: number
  readonly graceDays: number
  readonly startedAt: string
}

type Wish<Type extends SubscriptionEvent['type']> = Readonly<
  Extract<SubscriptionEvent, { type: Type }>['data']
>

export type SubscriptionCommand =
  | Subscribe
  /** A provider's message, whatever came before it. */
  | ({ readonly type: 'FollowSubscription'; readonly at: string } & SubscriptionMessage)
  /** Ends a manual subscription at the end of its calendar period. */
  | {
      readonly type: 'CancelSubscription'
      /** At once instead. */
      readonly now?: boolean
      readonly eventId: string
      readonly at: string
    }
  /** What the provider is about to be asked. */
  | ({ readonly type: 'RequestPlanChange' } & Wish<'PlanChangeRequested'>)
  | ({ readonly type: 'RequestCancellation' } & Wish<'CancellationRequested'>)
  | ({ readonly type: 'RequestContinuation' } & Wish<'ContinuationRequested'>)
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

function cancel(
  { eventId, at, now = false }: Extract<SubscriptionCommand, { type: 'CancelSubscription' }>,
  state: Subscriptions,
): readonly SubscriptionEvent[] {
  const live = liveOf(state)
  if (!live) {
    if (state.all.size === 0) throw new Refusal('not_subscribed')
    return []
  }
  if (!isManual(live.subscriptionId)) throw new Refusal('billing_by_provider')
  const endsAt = now ? at : (periodOf(state, at)?.end ?? at)
  return [canceled(live, endsAt, eventId, at)]
}

function startPeriod(at: string, state: Subscriptions): readonly SubscriptionEvent[] {
  const access = accessOf(state, at)
  const period = periodOf(state, at)
  // The periods of what is paid for at a provider are the provider's.
  if (!access || !period || !isManual(access.subscriptionId)) return []
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
      return cancel(command, state)
    case 'FollowSubscription':
      return follow(command, state)
    case 'RequestPlanChange':
    case 'RequestCancellation':
    case 'RequestContinuation':
      return wish(command, state)
    case 'StartPeriod':
      return startPeriod(command.at, state)
  }
}

type WishCommand = Extract<SubscriptionCommand, { type: `Request${string}` }>

/** Each wish is a fact, also one that was there before: somebody wished it. */
function wish(command: WishCommand, state: Subscriptions): readonly SubscriptionEvent[] {
  const { subscriptionId, at } = command
  if (isManual(subscriptionId)) throw new Error('a manual subscription is decided here')
  const one = state.all.get(subscriptionId)
  if (!one) throw new Refusal('not_subscribed')
  const isRepeat = (what: Asked['what']) => one.asked?.what === what && one.asked.at === at
  switch (command.type) {
    case 'RequestPlanChange': {
      const { type: _type, ...data } = command
      const known = one.changes.some(
        (it) => it.at === at && it.priceId === data.priceId && it.effective === data.effective,
      )
      return known ? [] : [{ type: 'PlanChangeRequested', data }]
    }
    case 'RequestCancellation': {
      const { type: _type, ...data } = command
      return isRepeat('cancel') ? [] : [{ type: 'CancellationRequested', data }]
    }
    case 'RequestContinuation': {
      const { type: _type, ...data } = command
      return isRepeat('continue') ? [] : [{ type: 'ContinuationRequested', data }]
    }
  }
}

type Follow = Extract<SubscriptionCommand, { type: 'FollowSubscription' }>

/** Kept also where it says nothing new: what comes late is put before it. */
function follow(command: Follow, state: Subscriptions): readonly SubscriptionEvent[] {
  const { type: _type, status, endsAt, ...facts } = command
  const { subscriptionId, occurredAt } = command
  if (isManual(subscriptionId)) throw new Error('a manual subscription is decided here')
  const known = state.all.get(subscriptionId)
  if (known && isKnown(known, command)) return []
  if (status !== 'canceled') {
    const data = { ...facts, status }
    return [{ type: known ? 'SubscriptionStatusChanged' : 'SubscriptionStarted', data }]
  }
  const end = { ...facts, endsAt: endsAt ?? new Date(Date.parse(occurredAt)).toISOString() }
  const ended: SubscriptionEvent = { type: 'SubscriptionCanceled', data: end }
  // The first that is heard of it is its end: it gave access to nothing here.
  const started: SubscriptionEvent = {
    type: 'SubscriptionStarted',
    data: { ...facts, status: 'pending' },
  }
  return known ? [ended] : [started, ended]
}

function evolve(state: Subscriptions, { type, data }: SubscriptionEvent): Subscriptions {
  switch (type) {
    case 'SubscriptionStarted':
    case 'SubscriptionStatusChanged':
      return followed(state, data)
    case 'SubscriptionCanceled':
      return followed(state, { ...data, status: 'canceled' })
    case 'PeriodStarted':
      return { ...state, periods: new Map(state.periods).set(data.planId, data.periodStart) }
    case 'PlanChangeRequested': {
      const { subscriptionId: _id, ...change } = data
      return wished(state, data, 'change', [change])
    }
    case 'CancellationRequested':
      return wished(state, data, 'cancel')
    case 'ContinuationRequested':
      return wished(state, data, 'continue')
  }
}

function wished(
  state: Subscriptions,
  { subscriptionId, at }: { readonly subscriptionId: string; readonly at: string },
  what: Asked['what'],
  change: readonly PlanChange[] = [],
): Subscriptions {
  const one = state.all.get(subscriptionId)
  if (!one) return state
  const asked = one.asked && one.asked.at > at ? one.asked : { what, at }
  const after = { ...one, changes: [...one.changes, ...change], asked }
  return { ...state, all: new Map(state.all).set(subscriptionId, after) }
}

function followed(
  state: Subscriptions,
  said: Message & { readonly subscriptionId: string; readonly at: string },
): Subscriptions {
  const { subscriptionId, at: _at, ...message } = said
  const one = withMessage(subscriptionId, state.all.get(subscriptionId), message)
  const all = new Map(state.all).set(subscriptionId, one)
  return { ...state, all, anchor: anchorOf(all) }
}

export const subscription: Decider<Subscriptions, SubscriptionCommand, SubscriptionEvent> = {
  category: 'subscription',
  initial: () => noSubscriptions,
  decide,
  evolve,
}
