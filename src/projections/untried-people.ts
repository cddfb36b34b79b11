/**
 * People who have verified their address and got no trial credit: most because their plan gives none,
 * some because a crash came in between. The sweep looks at those of late.
 */
import { accountEvents } from '../domain/account/events.ts'
import { userEvents } from '../domain/user/events.ts'
import { projection } from './projection.ts'
import type { Page, Views } from './views.ts'

/** Begins the id of a grant of trial credit; the person's id follows. */
export const TRIAL_GRANT = 'trial/'

export interface UntriedPerson {
  readonly open: 1
  readonly userId: string
  readonly verifiedAt: string
}

const events = { ...userEvents, ...accountEvents }

export const untriedPeople = projection<UntriedPerson, typeof events>(events, {
  name: 'untried-people',
  version: 1,
  indexes: { verified: { equals: ['open'], orderBy: 'verifiedAt' } },
  on: {
    EmailVerified: {
      keys: ({ data }) => data.userId,
      project: (_view, { data }) => ({ open: 1, userId: data.userId, verifiedAt: data.at }),
    },
    CreditGranted: {
      keys: ({ data: { grantId } }) =>
        grantId.startsWith(TRIAL_GRANT) ? grantId.slice(TRIAL_GRANT.length) : undefined,
      project: () => undefined,
    },
  },
})

/** Ids of the people who verified their address since `from`. */
export async function* verifiedWithoutTrial(views: Views, from: string): AsyncIterable<string> {
  for (let after: string | undefined; ;) {
    const page: Page<UntriedPerson> = await views.find(untriedPeople, {
      index: 'verified',
      equals: { open: 1 },
      from,
      limit: 500,
      ...(after !== undefined && { after }),
    })
    for (const one of page.items) yield one.userId
    after = page.next
    if (after === undefined) return
  }
}
