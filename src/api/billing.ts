/**
 * The organization's account and its plan. Figures come from the streams themselves, so an answer is of
 * this moment.
 */
import { z } from 'zod'
import type { AccessRule } from '../commands/access.ts'
import { openAccount } from '../commands/account/open-account.ts'
import type { Deps } from '../commands/deps.ts'
import { cancelSubscription } from '../commands/subscription/cancel-subscription.ts'
import { planInForce } from '../commands/subscription/plan-in-force.ts'
import { subscribe, type Subscribed } from '../commands/subscription/subscribe.ts'
import { idSchema } from '../domain/ids.ts'
import { plan, termsOf } from '../domain/plan/plan.ts'
import { Refusal } from '../domain/refusal.ts'
import { currentOf, periodOf } from '../domain/subscription/state.ts'
import { subscription } from '../domain/subscription/subscription.ts'
import { listCatalogue } from '../projections/catalogue.ts'
import { organizationOf } from './actor.ts'
import {
  accountSchema,
  planSchema,
  showAccount,
  showPlan,
  showSubscription,
  subscriptionSchema,
} from './billing-schemas.ts'
import { budgetRoutes } from './budgets.ts'
import { listPage, pageOf, pageQuery } from './pages.ts'
import { type AnyRoute, type Answer, route } from './route.ts'

const tag = 'billing'
const access = (role: 'auditor' | 'admin', resource: string, action: string): AccessRule => ({
  actor: 'user',
  role,
  ...(resource === 'account' && action === 'read' ? { scope: 'billing:read' } : {}),
  resource,
  action,
  limits: ['request'],
})

export function billingRoutes(deps: Deps): AnyRoute[] {
  return [
    accountRoute(deps),
    plansRoute(deps),
    subscribeRoute(deps),
    cancelRoute(deps),
    ...budgetRoutes(deps),
  ]
}

const accountRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/billing/account',
    tag,
    summary: 'What the organization has: credit, plan, period',
    description: 'Opens the account where there is none.',
    access: access('auditor', 'account', 'read'),
    answers: { 200: { description: 'The account.', schema: accountSchema } },
    async handler({ actor, root }) {
      const orgId = organizationOf(actor)
      const { at } = root
      const opened = await openAccount(deps, root, orgId)
      const { state } = await deps.streams.load(subscription, orgId)
      const inForce = await planInForce(deps, orgId, at)
      const body = showAccount({
        orgId,
        at,
        account: opened.state,
        plan: inForce && { ...inForce, until: inForce.access.until },
        subscription: currentOf(state),
        period: periodOf(state, at),
      })
      return { body, revision: opened.revision, position: opened.position }
    },
  })

const plansRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/billing/plans',
    tag,
    summary: 'Plans that the organization can take, and the one it has',
    access: access('auditor', 'plan', 'list'),
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of plans.', schema: pageOf(planSchema) } },
    reads: true,
    async handler({ actor, query, root }) {
      const orgId = organizationOf(actor)
      const own = await planInForce(deps, orgId, root.at)
      const list = await listPage(
        deps,
        ['plans', orgId],
        query,
        (page) => listCatalogue(deps.views, 'plan', page),
        async ({ id }) => {
          const { state } = await deps.streams.load(plan, id)
          const mine = own?.planId === id
          const offered = mine ? termsOf(state, own.version) : termsOf(state)
          if (!state || !offered) return undefined
          const open = !state.retired && offered.terms.selfSubscribe
          return open || mine ? showPlan(offered, state.retired) : undefined
        },
      )
      return { body: { ...list, items: list.items.filter((one) => one !== undefined) } }
    },
  })

/** The subscription after a command, for who made it. */
function subscribed({ state, revision, position }: Subscribed): Answer {
  const current = currentOf(state)
  if (!current) throw new Refusal('not_subscribed')
  return { body: showSubscription(current), revision, position }
}

const subscribeRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/billing/subscribe',
    tag,
    summary: 'Take a plan',
    description:
      'Active at once. The plan the organization has already: nothing changes; another one ends it.',
    access: access('admin', 'subscription', 'subscribe'),
    body: z.strictObject({ plan_id: idSchema('plan') }),
    answers: { 200: { description: 'The subscription.', schema: subscriptionSchema } },
    problems: ['plan_not_found', 'plan_retired', 'forbidden', 'billing_by_provider'],
    async handler({ actor, body, root }) {
      const wish = { orgId: organizationOf(actor), planId: body.plan_id }
      return subscribed(await subscribe(deps, root, wish))
    },
  })

const cancelRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/billing/cancel',
    tag,
    summary: 'Give the plan up',
    description: 'It stays in force until the end of its calendar period.',
    access: access('admin', 'subscription', 'cancel'),
    answers: { 200: { description: 'The subscription.', schema: subscriptionSchema } },
    problems: ['not_subscribed', 'billing_by_provider'],
    handler: async ({ actor, root }) =>
      subscribed(await cancelSubscription(deps, root, organizationOf(actor))),
  })
