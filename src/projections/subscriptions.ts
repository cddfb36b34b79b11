/**
 * Which plan each organization has, and when its next period is due: for lists and for the sweep that
 * starts periods. Folded by the domain itself, so it says what the stream says.
 */
import { parseStreamName } from '../domain/decider.ts'
import { type SubscriptionEvent, subscriptionEvents } from '../domain/subscription/events.ts'
import { monthlyPeriod } from '../domain/subscription/period.ts'
import {
  accessOf,
  currentOf,
  isManual,
  keptAtProvider,
  type Message,
  type PlanChange,
  type Scheduled,
  type Subscription,
  type Subscriptions,
} from '../domain/subscription/state.ts'
import { subscription } from '../domain/subscription/subscription.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export interface OrganizationPlan {
  readonly orgId: string
  readonly all: readonly Partial<Subscription>[]
  readonly anchor?: string
  readonly periods: readonly (readonly [planId: string, start: string])[]
  /** Present while the provider keeps one that has not ended. */
  readonly kept?: 1
  /** Present while a period is to be started at `dueAt`. */
  readonly due?: 1
  readonly dueAt?: string
}

/** What is undefined is left out; the rest are the domain's own objects, in one order of fields. */
const toJson = ({
  messages,
  changes,
  scheduled,
  asked,
  ...one
}: Subscription): Partial<Subscription> => ({
  ...defined(one),
  ...(scheduled && { scheduled: scheduledToJson(scheduled) }),
  ...(asked && { asked: { what: asked.what, at: asked.at } }),
  messages: messages.map(messageToJson),
  changes: changes.map(changeToJson),
})

const changeToJson = (one: PlanChange): PlanChange => ({
  planId: one.planId,
  planVersion: one.planVersion,
  priceId: one.priceId,
  fromPlanId: one.fromPlanId,
  fromPlanVersion: one.fromPlanVersion,
  fromPriceId: one.fromPriceId,
  effective: one.effective,
  ...(one.effectiveAt !== undefined && { effectiveAt: one.effectiveAt }),
  at: one.at,
})

const scheduledToJson = ({ change, at }: Scheduled): Scheduled => ({ change, at })

/** The fields in one order: a document is the same bytes however its events were batched. */
const messageToJson = (message: Message): Message => ({
  status: message.status,
  occurredAt: message.occurredAt,
  eventId: message.eventId,
  ...defined({
    endsAt: message.endsAt,
    planId: message.planId,
    planVersion: message.planVersion,
    graceDays: message.graceDays,
    startedAt: message.startedAt,
    customerId: message.customerId,
    periodStart: message.periodStart,
    periodEnd: message.periodEnd,
    scheduled: message.scheduled && scheduledToJson(message.scheduled),
  }),
})

const defined = <T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never

function stateOf(view: OrganizationPlan | undefined): Subscriptions {
  if (!view) return subscription.initial()
  // Written by toJson: what is missing was undefined.
  const all = view.all as readonly Subscription[]
  return {
    all: new Map(all.map((one) => [one.subscriptionId, one])),
    anchor: view.anchor,
    periods: new Map(view.periods),
  }
}

/**
 * When a calendar period is to be started next: after the last one of the plan in force; where that is
 * paid for at a provider, when it ends and gives way to what was taken by hand. Undefined: no access then.
 */
function dueOf(state: Subscriptions, at: string): string | undefined {
  const access = accessOf(state, at)
  if (!access || state.anchor === undefined) return undefined
  const { until } = access
  if (isManual(access.subscriptionId)) {
    const last = state.periods.get(access.planId)
    const due = last === undefined ? at : monthlyPeriod(state.anchor, last).end
    if (until === undefined || due < until) return due
  }
  if (until === undefined) return undefined
  const next = dueOf(state, until)
  return next !== undefined && next < until ? until : next
}

const handler = {
  keys: ({ stream }: ProjectedEvent<unknown>) => parseStreamName(stream).id,
  project(
    view: OrganizationPlan | undefined,
    event: ProjectedEvent<{ readonly at: string }>,
    orgId: string,
  ): OrganizationPlan {
    // Only subscription events come here: the handlers are declared over them.
    const state = subscription.evolve(stateOf(view), event as unknown as SubscriptionEvent)
    const dueAt = dueOf(state, event.data.at)
    const kept = keptAtProvider(state) !== undefined
    return {
      orgId,
      all: [...state.all.values()].map(toJson),
      ...(state.anchor !== undefined && { anchor: state.anchor }),
      periods: [...state.periods],
      ...(kept && { kept: 1 as const }),
      ...(dueAt !== undefined && { due: 1, dueAt }),
    }
  },
}

export const subscriptions = projection<OrganizationPlan, typeof subscriptionEvents>(
  subscriptionEvents,
  {
    name: 'subscriptions',
    version: 3,
    indexes: {
      due: { equals: ['due'], orderBy: 'dueAt' },
      kept: { equals: ['kept'], orderBy: 'orgId' },
    },
    on: {
      SubscriptionStarted: handler,
      SubscriptionStatusChanged: handler,
      SubscriptionCanceled: handler,
      PeriodStarted: handler,
      PlanChangeRequested: handler,
      CancellationRequested: handler,
      ContinuationRequested: handler,
    },
  },
)

/** What an organization is told of its plan. */
export const currentPlanOf = (view: OrganizationPlan | undefined): Subscription | undefined =>
  view && currentOf(stateOf(view))

/** How many organizations have a subscription that a provider keeps; `enough` is as far as it counts. */
export async function countKept(views: Views, enough: number): Promise<number> {
  const query = { index: 'kept', equals: { kept: 1 }, limit: enough } as const
  return (await views.find(subscriptions, query)).items.length
}

/** Organizations whose next period has come by `now`. */
export async function* periodsDue(views: Views, now: string): AsyncIterable<string> {
  for (let after: string | undefined; ;) {
    const page: Page<OrganizationPlan> = await views.find(subscriptions, {
      index: 'due',
      equals: { due: 1 },
      // `to` is exclusive, a period's start is not.
      to: `${now}~`,
      limit: 500,
      ...(after !== undefined && { after }),
    })
    for (const one of page.items) yield one.orgId
    after = page.next
    if (after === undefined) return
  }
}
