/**
 * Everybody who has registered, for the administrator's list. The address stays sealed; no password
 * hash is ever here.
 */
import type { Sealed } from '../domain/personal.ts'
import { type PlatformRole, userEvents } from '../domain/user/events.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export type UserStatus = 'active' | 'deactivated'
export interface ListedUser {
  readonly kind: 'user'
  readonly userId: string
  readonly email: Sealed
  readonly emailVerified: boolean
  /** The address was made up by us and takes no mail. */
  readonly provisional: boolean
  readonly locale: string
  readonly status: UserStatus
  readonly roles: readonly PlatformRole[]
  readonly personalOrgId: string
  readonly registeredAt: string
}

const keys = (event: ProjectedEvent<{ readonly userId: string }>) => event.data.userId

/** The handler of an event that changes some fields. */
const set = <Data extends { readonly userId: string }>(
  change: (data: Data, user: ListedUser) => Partial<ListedUser>,
) => ({
  keys,
  project: (view: ListedUser | undefined, { data }: ProjectedEvent<Data>) =>
    view && { ...view, ...change(data, view) },
})

export const users = projection<ListedUser, typeof userEvents>(userEvents, {
  name: 'users',
  version: 1,
  indexes: {
    all: { equals: ['kind'], orderBy: 'registeredAt' },
    status: { equals: ['status'], orderBy: 'registeredAt' },
  },
  on: {
    UserRegistered: {
      keys,
      project: (_view, { data: { userId, email, provisional, locale, personalOrgId, at } }) => ({
        kind: 'user',
        userId,
        email,
        emailVerified: false,
        provisional,
        locale,
        status: 'active',
        roles: [],
        personalOrgId,
        registeredAt: at,
      }),
    },
    EmailVerified: set(() => ({ emailVerified: true })),
    EmailChanged: set(({ email }) => ({ email, emailVerified: false, provisional: false })),
    LocaleChanged: set(({ locale }) => ({ locale })),
    PlatformRoleGranted: set(({ role }, { roles }) => ({ roles: [...roles, role] })),
    PlatformRoleRevoked: set(({ role }, { roles }) => ({
      roles: roles.filter((one) => one !== role),
    })),
    UserDeactivated: set(() => ({ status: 'deactivated' })),
    UserReactivated: set(() => ({ status: 'active' })),
  },
})

/** Newest first. */
export const listUsers = (
  views: Views,
  query: { status?: UserStatus; limit: number; after?: string },
): Promise<Page<ListedUser>> => {
  const { status, ...page } = query
  return views.find(users, {
    ...(status === undefined
      ? { index: 'all', equals: { kind: 'user' } }
      : { index: 'status', equals: { status } }),
    descending: true,
    ...page,
  })
}

export const getUser = (views: Views, userId: string): Promise<ListedUser | undefined> =>
  views.get(users, userId)
