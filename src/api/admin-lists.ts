/** People and organizations, for who administers the installation. Sealed values are opened here. */
import { z } from 'zod'
import type { Deps } from '../commands/deps.ts'
import { findUserByEmail } from '../commands/user/find-user.ts'
import { idSchema } from '../domain/ids.ts'
import { organization } from '../domain/organization/organization.ts'
import { plan, termsOf } from '../domain/plan/plan.ts'
import { subscriptionStatus } from '../domain/subscription/events.ts'
import { planAt } from '../domain/subscription/plan-at.ts'
import { emailText, localeText } from '../domain/user/email.ts'
import { platformRoleSchema } from '../domain/user/events.ts'
import { user } from '../domain/user/user.ts'
import { type AccountBalance, accountBalance } from '../projections/account-balance.ts'
import { openText } from '../projections/open.ts'
import {
  type ListedOrganization,
  listOrganizations,
  organizationsByIdPrefix,
} from '../projections/organizations.ts'
import {
  currentPlanOf,
  type OrganizationPlan,
  subscriptions,
} from '../projections/subscriptions.ts'
import { getUser, type ListedUser, listUsers } from '../projections/users.ts'
import type { Page } from '../projections/views.ts'
import { filteredPage, listPage, pageOf, pageQuery } from './pages.ts'
import { type AnyRoute, route } from './route.ts'
import { moneyOf, moneySchema, timeSchema } from './schemas.ts'

const access = (resource: string) =>
  ({ actor: 'administrator', resource, action: 'list', limits: ['request'] }) as const

const userSchema = z.strictObject({
  id: idSchema('user'),
  email: z.nullable(z.string()),
  email_verified: z.boolean(),
  locale: localeText,
  status: z.enum(['active', 'deactivated']),
  roles: z.array(platformRoleSchema),
  personal_organization_id: idSchema('organization'),
  created_at: timeSchema,
})

const showUser = async (
  { sealer }: Pick<Deps, 'sealer'>,
  one: ListedUser,
): Promise<z.output<typeof userSchema>> => ({
  id: one.userId,
  email: await openText(sealer, one.email),
  email_verified: one.emailVerified,
  locale: one.locale,
  status: one.status,
  roles: [...one.roles],
  personal_organization_id: one.personalOrgId,
  created_at: one.registeredAt,
})

const only = <View>(view: View | undefined): Page<View> => ({
  items: view === undefined ? [] : [view],
  next: undefined,
})

export const usersRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'GET',
    path: '/admin/users',
    tag: 'admin',
    summary: 'Everybody who has registered, newest first',
    access: access('user'),
    query: z.strictObject({
      ...pageQuery,
      status: z.exactOptional(z.enum(['active', 'deactivated'])),
      email: z.exactOptional(emailText),
    }),
    answers: { 200: { description: 'A page of people.', schema: pageOf(userSchema) } },
    reads: true,
    async handler({ query }) {
      const { status, email } = query
      const fetch = async (page: { limit: number; after?: string }) => {
        if (email === undefined)
          return listUsers(deps.views, { ...page, ...(status !== undefined && { status }) })
        const person = await findUserByEmail(deps, email)
        const listed = person && (await getUser(deps.views, person.userId))
        return only(status === undefined || listed?.status === status ? listed : undefined)
      }
      const list = ['admin-users', status, email]
      return { body: await listPage(deps, list, query, fetch, (one) => showUser(deps, one)) }
    },
  })

const organizationSchema = z
  .strictObject({
    id: idSchema('organization'),
    kind: z.enum(['personal', 'team']),
    name: z.nullable(z.string()),
    members: z.int(),
    has_active_owner: z.boolean(),
    plan: z.nullable(
      z.strictObject({
        id: idSchema('plan'),
        version: z.int(),
        slug: z.nullable(z.string()),
        status: subscriptionStatus,
      }),
    ),
    balance: z.nullable(moneySchema).meta({ description: 'null where there is no account.' }),
    held: z.nullable(moneySchema),
    spent: moneySchema.meta({ description: 'All charges, less what was given back.' }),
    created_at: timeSchema,
  })
  .meta({ id: 'AdminOrganization' })

export const organizationsRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'GET',
    path: '/admin/organizations',
    tag: 'admin',
    summary: 'Every organization with its plan, balance and spending',
    description:
      'Newest first. `search`: the beginning of an id, in order of id, or a part of a name; names ' +
      'are looked through page by page, so a page may be short and still have a next one.',
    access: access('organization'),
    query: z.strictObject({ ...pageQuery, search: z.exactOptional(z.string().min(1).max(120)) }),
    answers: { 200: { description: 'A page.', schema: pageOf(organizationSchema) } },
    reads: true,
    async handler({ query }) {
      const { search } = query
      const list = ['admin-organizations', search]
      const fetch = (page: { limit: number; after?: string }) => found(deps, search, page)
      return {
        body: await listPage(deps, list, query, fetch, (one) => showOrganization(deps, one)),
      }
    },
  })

interface Named {
  readonly listed: ListedOrganization
  readonly name: string | null
}

/** A page of organizations with their names opened, of those that the search means. */
async function found(
  deps: Deps,
  search: string | undefined,
  page: { limit: number; after?: string },
): Promise<Page<Named>> {
  const named = async (one: Page<ListedOrganization>): Promise<Page<Named>> => ({
    ...one,
    items: await Promise.all(
      one.items.map(async (listed) => ({
        listed,
        name: await openText(deps.sealer, listed.name),
      })),
    ),
  })
  if (search === undefined) return named(await listOrganizations(deps.views, page))
  if (/^org_[0-9a-z]*$/.test(search))
    return named(await organizationsByIdPrefix(deps.views, search, page))
  const wanted = search.toLowerCase()
  return filteredPage(
    async (part) => named(await listOrganizations(deps.views, part)),
    page,
    ({ name }) => name?.toLowerCase().includes(wanted) ?? false,
  )
}

async function showOrganization(
  deps: Deps,
  { listed, name }: Named,
): Promise<z.output<typeof organizationSchema>> {
  const { orgId } = listed
  const [account, planView] = await Promise.all([
    deps.views.get(accountBalance, orgId),
    deps.views.get(subscriptions, orgId),
  ])
  return {
    id: orgId,
    kind: listed.kind,
    name,
    members: listed.members,
    has_active_owner: await hasActiveOwner(deps, orgId),
    plan: await planOf(deps, planView),
    balance: account ? moneyOf(account.balanceNanos) : null,
    held: account ? moneyOf(account.heldNanos) : null,
    spent: moneyOf(account ? spentOf(account) : 0n),
    created_at: listed.createdAt,
  }
}

const spentOf = ({ chargedNanos, adjustedNanos }: AccountBalance): bigint =>
  BigInt(chargedNanos) - BigInt(adjustedNanos)

async function planOf({ streams, clock }: Deps, view: OrganizationPlan | undefined) {
  const current = currentPlanOf(view)
  if (!current) return null
  const { planId: id, planVersion: version } = planAt(current, clock.now().toISOString())
  const { status } = current
  const { state } = await streams.load(plan, id)
  return { id, version, slug: termsOf(state, version)?.terms.slug ?? null, status }
}

async function hasActiveOwner({ streams }: Deps, orgId: string): Promise<boolean> {
  const { state } = await streams.load(organization, orgId)
  for (const [userId, role] of state?.members ?? [])
    if (role === 'owner' && (await streams.load(user, userId)).state?.active) return true
  return false
}
