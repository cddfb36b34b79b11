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
  /** Present while a period is to be started at `dueAt`. */
  readonly due?: 1
  readonly dueAt?: string
}

/** The fields in one order: a document is the same bytes however its events were batched. */
const toJson = (one: Subscription): Partial<Subscription> => ({
  subscriptionId: one.subscriptionId,
  planId: one.planId,
  planVersion: one.planVersion,
  startedAt: one.startedAt,
  graceDays: one.graceDays,
  messages: one.messages.map(({ status, endsAt, occurredAt, eventId }) => ({
    status,
    endsAt,
    occurredAt,
    eventId,
  })),
  status: one.status,
  ...(one.endsAt !== undefined && { endsAt: one.endsAt }),
  ...(one.pastDueSince !== undefined && { pastDueSince: one.pastDueSince }),
})

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

/** When the period after the last one begins; undefined where the access ends before. */
function dueOf(state: Subscriptions, at: string): string | undefined {
  const access = accessOf(state, at)
  if (!access || state.anchor === undefined) return undefined
  const last = state.periods.get(access.planId)
  const due = last === undefined ? at : monthlyPeriod(state.anchor, last).end
  return access.until !== undefined && access.until <= due ? undefined : due
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
    return {
      orgId,
      all: [...state.all.values()].map(toJson),
      ...(state.anchor !== undefined && { anchor: state.anchor }),
      periods: [...state.periods],
      ...(dueAt !== undefined && { due: 1, dueAt }),
    }
  },
}

export const subscriptions = projection<OrganizationPlan, typeof subscriptionEvents>(
  subscriptionEvents,
  {
    name: 'subscriptions',
    version: 1,
    indexes: { due: { equals: ['due'], orderBy: 'dueAt' } },
    on: {
      SubscriptionStarted: handler,
      SubscriptionStatusChanged: handler,
      SubscriptionCanceled: handler,
      PeriodStarted: handler,
    },
  },
)

/** What an organization is told of its plan. */
export const currentPlanOf = (view: OrganizationPlan | undefined): Subscription | undefined =>
  view && currentOf(stateOf(view))

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
