/** The administrator's list of organizations: who they are, what they have and what they have spent. */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import { type AccountBalance, accountBalance } from '../../projections/account-balance.ts'
import { openText } from '../../projections/open.ts'
import {
  type ListedOrganization,
  listOrganizations,
  organizationsByIdPrefix,
} from '../../projections/organizations.ts'
import { revenueOf, spentIn } from '../../projections/platform-summary.ts'
import type { Page } from '../../projections/views.ts'
import { type ListPage, listPage, pageOf, pageQuery } from '../pages.ts'
import { type AnyRoute, route } from '../route.ts'
import { moneyOf, moneySchema, timeSchema } from '../schemas.ts'

const organizationSchema = z.strictObject({
  id: z.string(),
  kind: z.enum(['personal', 'team']),
  name: z.nullable(z.string()).meta({ description: 'null where it was erased.' }),
  members: z.int(),
  created_at: timeSchema,
  balance: moneySchema,
  held: moneySchema,
  spent: moneySchema.meta({ description: 'Charged since ever, less corrections.' }),
  spent_this_month: moneySchema.meta({ description: 'Of it this month (UTC), practice apart.' }),
})

export const organizationsRoute = (deps: Pick<Deps, 'views' | 'sealer' | 'clock'>): AnyRoute =>
  route({
    method: 'GET',
    path: '/admin/organizations',
    tag: 'admin',
    summary: 'Organizations and what they spend, newest first',
    description:
      'With `q`: those whose id begins so, in order of id. Names are sealed and not searched.',
    access: { actor: 'administrator', resource: 'organization', action: 'list', limits: [] },
    query: z.strictObject({
      ...pageQuery,
      q: z.exactOptional(
        z.string().regex(/^org_[0-9a-z]{0,26}$/, 'the beginning of an id, as org_01h'),
      ),
    }),
    answers: { 200: { description: 'A page of them.', schema: pageOf(organizationSchema) } },
    reads: true,
    async handler({ query }) {
      const { q } = query
      const { items, next_cursor } = await listPage(
        deps,
        ['admin/organizations', q],
        query,
        (page): Promise<Page<ListedOrganization>> =>
          q === undefined
            ? listOrganizations(deps.views, page)
            : organizationsByIdPrefix(deps.views, q, page),
        (one) => one,
      )
      return { body: { items: await show(deps, items), next_cursor } }
    },
  })

async function show(
  { views, sealer, clock }: Pick<Deps, 'views' | 'sealer' | 'clock'>,
  listed: ListPage<ListedOrganization>['items'],
) {
  const ids = listed.map(({ orgId }) => orgId)
  const accounts = await views.getMany(accountBalance, ids)
  const month = await spentIn(views, clock.now().toISOString().slice(0, 7), ids)
  return Promise.all(
    listed.map(async (one) => {
      const account = accounts.get(one.orgId)
      const spent = month.get(one.orgId)
      return {
        id: one.orgId,
        kind: one.kind,
        name: await openText(sealer, one.name),
        members: one.members,
        created_at: one.createdAt,
        balance: moneyOf(account?.balanceNanos ?? '0'),
        held: moneyOf(account?.heldNanos ?? '0'),
        spent: moneyOf(spentOf(account)),
        spent_this_month: moneyOf(spent ? revenueOf(spent) : 0n),
      }
    }),
  )
}

const spentOf = (account: AccountBalance | undefined): bigint =>
  account ? BigInt(account.chargedNanos) - BigInt(account.adjustedNanos) : 0n
