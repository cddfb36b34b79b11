/**
 * People without their organization, its account or a plan with its first period. Where no default plan
 * is published, people wait here for one.
 */
import { accountEvents } from '../domain/account/events.ts'
import { parseStreamName } from '../domain/decider.ts'
import { organizationEvents } from '../domain/organization/events.ts'
import { subscriptionEvents } from '../domain/subscription/events.ts'
import { userEvents } from '../domain/user/events.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

type Part = 'organization' | 'account' | 'plan'
export interface UnfinishedRegistration {
  readonly userId: string
  readonly missing: readonly Part[]
  /** `plan`: nothing else is missing. */
  readonly waitsFor: 'provision' | 'plan'
}

const events = { ...userEvents, ...organizationEvents, ...accountEvents, ...subscriptionEvents }

function viewOf(userId: string, missing: readonly Part[]): UnfinishedRegistration | undefined {
  if (missing.length === 0) return undefined
  const waitsFor = missing.length === 1 && missing[0] === 'plan' ? 'plan' : 'provision'
  return { userId, missing, waitsFor }
}

/** The streams of an organization, its account and its subscriptions all bear its id. */
const has = (part: Part) => ({
  keys: ({ stream }: ProjectedEvent<unknown>) => parseStreamName(stream).id,
  project: (view: UnfinishedRegistration | undefined) =>
    view &&
    viewOf(
      view.userId,
      view.missing.filter((one) => one !== part),
    ),
})

export const unfinishedRegistrations = projection<UnfinishedRegistration, typeof events>(events, {
  name: 'unfinished-registrations',
  version: 1,
  indexes: { waiting: { equals: ['waitsFor'] } },
  on: {
    UserRegistered: {
      keys: ({ data }) => data.personalOrgId,
      project: (_view, { data }) => viewOf(data.userId, ['organization', 'account', 'plan']),
    },
    OrganizationCreated: has('organization'),
    BillingAccountOpened: has('account'),
    PeriodStarted: has('plan'),
  },
})

/** Ids of the people who wait, pages of `limit`. */
export async function* peopleWaitingFor(
  views: Views,
  waitsFor: UnfinishedRegistration['waitsFor'],
  limit = 100,
): AsyncIterable<string> {
  for (let after: string | undefined; ;) {
    const page = await views.find(unfinishedRegistrations, {
      index: 'waiting',
      equals: { waitsFor },
      limit,
      ...(after !== undefined && { after }),
    })
    for (const one of page.items) yield one.userId
    after = page.next
    if (after === undefined) return
  }
}
