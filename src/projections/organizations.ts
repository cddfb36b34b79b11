/**
 * Every organization, for the administrator's list. Its name stays sealed; its plan, balance and
 * spending are other views'.
 */
import { organizationEvents } from '../domain/organization/events.ts'
import type { Sealed } from '../domain/personal.ts'
import { projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export interface ListedOrganization {
  readonly all: 1
  readonly orgId: string
  readonly kind: 'personal' | 'team'
  readonly name: Sealed
  readonly members: number
  readonly createdAt: string
}

const keys = ({ data }: { readonly data: { readonly orgId: string } }) => data.orgId

export const organizations = projection<ListedOrganization, typeof organizationEvents>(
  organizationEvents,
  {
    name: 'organizations',
    version: 1,
    indexes: {
      created: { equals: ['all'], orderBy: 'createdAt' },
      id: { equals: ['all'], orderBy: 'orgId' },
    },
    on: {
      OrganizationCreated: {
        keys,
        project: (_view, { data: { orgId, kind, name, at } }) => ({
          all: 1,
          orgId,
          kind,
          name,
          members: 1,
          createdAt: at,
        }),
      },
      OrganizationRenamed: {
        keys,
        project: (view, { data }) => view && { ...view, name: data.name },
      },
      MemberAdded: {
        keys,
        project: (view) => view && { ...view, members: view.members + 1 },
      },
      MemberRemoved: {
        keys,
        project: (view) => view && { ...view, members: view.members - 1 },
      },
    },
  },
)

type PageWish = { readonly limit: number; readonly after?: string }

/** Newest first. */
export const listOrganizations = (
  views: Views,
  page: PageWish,
): Promise<Page<ListedOrganization>> =>
  views.find(organizations, { index: 'created', equals: { all: 1 }, descending: true, ...page })

/** Those whose id begins so, in order of id. */
export const organizationsByIdPrefix = (
  views: Views,
  prefix: string,
  page: PageWish,
): Promise<Page<ListedOrganization>> =>
  views.find(organizations, {
    index: 'id',
    equals: { all: 1 },
    from: prefix,
    // Above every character of an id.
    to: `${prefix}~`,
    ...page,
  })
