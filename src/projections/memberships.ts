/**
 * Which organizations a person belongs to, by user. It only proposes: whether somebody may act in an
 * organization is read from that organization's stream.
 */
import { organizationEvents } from '../domain/organization/events.ts'
import { projection } from './projection.ts'
import type { Views } from './views.ts'

export interface Memberships {
  readonly userId: string
  /** In order of joining. */
  readonly organizations: readonly string[]
}

const joined = (view: Memberships | undefined, userId: string, orgId: string): Memberships => ({
  userId,
  organizations: [...(view?.organizations ?? []).filter((id) => id !== orgId), orgId],
})

export const memberships = projection<Memberships, typeof organizationEvents>(organizationEvents, {
  name: 'memberships',
  version: 1,
  indexes: {},
  on: {
    OrganizationCreated: {
      keys: ({ data }) => data.ownerId,
      project: (view, { data }) => joined(view, data.ownerId, data.orgId),
    },
    MemberAdded: {
      keys: ({ data }) => data.userId,
      project: (view, { data }) => joined(view, data.userId, data.orgId),
    },
    MemberRemoved: {
      keys: ({ data }) => data.userId,
      project: (view, { data }) => ({
        userId: data.userId,
        organizations: (view?.organizations ?? []).filter((id) => id !== data.orgId),
      }),
    },
  },
})

/** Ids of a person's organizations, in order of joining. */
export const organizationsOf = async (views: Views, userId: string): Promise<readonly string[]> =>
  (await views.get(memberships, userId))?.organizations ?? []
