/**
 * What an organization's budgets have left in their present periods. Whoever sees the whole
 * organization's money sees all of them; a member only what binds the member.
 */
import { z } from 'zod'
import type { AccessRule } from '../commands/access.ts'
import type { Deps } from '../commands/deps.ts'
import { type BudgetNow, budgetsOf, budgetSources } from '../commands/spend/budgets-of.ts'
import { periodOf } from '../domain/account/budgets.ts'
import { accountDimensions } from '../domain/account/events.ts'
import { idSchema } from '../domain/ids.ts'
import { maxNanos } from '../domain/money.ts'
import { budgetPeriods } from '../domain/policy/events.ts'
import { endUserTexts } from '../projections/end-users.ts'
import { organizationOf } from './actor.ts'
import { type AnyRoute, route } from './route.ts'
import { moneyOf, moneySchema, timeSchema } from './schemas.ts'
import { openText } from './usage/reader.ts'

const access: AccessRule = {
  actor: 'user',
  role: 'auditor',
  scope: 'billing:read',
  resource: 'budget',
  action: 'read',
  limits: ['request'],
}

const spenderSchema = z.strictObject({
  id: z.nullable(z.string()).meta({
    description:
      'The person, key or agent; of an end user the digest that usage is grouped by; null for the ' +
      'organization.',
  }),
  end_user: z.exactOptional(
    z.string().meta({ description: 'The end user in the words of the request.' }),
  ),
  spent: moneySchema,
  held: moneySchema.meta({ description: 'The most that calls can cost that have not ended.' }),
  left: moneySchema.meta({ description: 'amount − spent − held, at least 0' }),
})

const budgetSchema = z
  .strictObject({
    source: z.enum(budgetSources),
    id: z.string().meta({ description: 'Of the policy, the plan or the key.' }),
    name: z.string(),
    per: z.enum(accountDimensions),
    period: z.enum(budgetPeriods),
    amount: moneySchema,
    hard: z.boolean().meta({ description: 'false: only its thresholds are told.' }),
    thresholds: z.array(z.int()).meta({ description: 'Percent' }),
    agents: z.exactOptional(z.array(idSchema('agent'))),
    resets_at: timeSchema,
    of: z
      .array(spenderSchema)
      .meta({ description: 'Who has spent in this period, the most first.' }),
    more: z.boolean().meta({ description: 'Others have spent, too.' }),
  })
  .meta({ id: 'BudgetNow' })

export const budgetRoutes = (deps: Deps): AnyRoute[] => [
  route({
    method: 'GET',
    path: '/billing/budgets',
    tag: 'billing',
    summary: 'The budgets that bind the organization’s calls, and what is left of them',
    description:
      'Of the platform, the organization, the plan and the keys. A call counts in the UTC day and month ' +
      'in which it was admitted, whenever it ends. Corrections of charges give no budget back.',
    access,
    answers: {
      200: {
        description: 'All budgets.',
        schema: z.strictObject({ items: z.array(budgetSchema) }),
      },
    },
    reads: true,
    async handler({ actor, root: { at } }) {
      const orgId = organizationOf(actor)
      const member = actor.kind === 'user' && actor.role === 'member' ? actor.userId : undefined
      const shown = await budgetsOf(deps, orgId, at, member)
      return {
        body: { items: await Promise.all(shown.map((one) => showBudget(deps, orgId, one, at))) },
      }
    },
  }),
]

async function showBudget(
  deps: Pick<Deps, 'views' | 'sealer'>,
  orgId: string,
  { source, id, name, terms, of, more }: BudgetNow,
  at: string,
): Promise<z.output<typeof budgetSchema>> {
  const { per, period, amountNanos, hard, thresholds, agents } = terms
  const texts =
    per === 'end_user'
      ? await endUserTexts(
          deps.views,
          orgId,
          of.map(({ subject }) => subject),
        )
      : undefined
  return {
    source,
    id,
    name,
    per,
    period,
    amount: moneyOf(amountNanos),
    hard,
    thresholds: [...thresholds],
    ...(agents ? { agents: [...agents] } : {}),
    resets_at: periodOf(period, at).to,
    of: await Promise.all(
      of.map(async ({ subject, spent: { heldNanos, chargedNanos } }) => {
        const text = await openText(deps, texts?.get(subject))
        return {
          id: subject === '' ? null : subject,
          ...(text === undefined ? {} : { end_user: text }),
          spent: moneyOf(chargedNanos),
          held: moneyOf(heldNanos),
          left: moneyOf(maxNanos(BigInt(amountNanos) - chargedNanos - heldNanos, 0n)),
        }
      }),
    ),
    more,
  }
}
