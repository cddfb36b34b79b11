/**
 * The organization's account and its plan. Figures come from the streams themselves, so an answer is of
 * this moment.
 */
import { z } from 'zod'
import type { AccessRule } from '../commands/access.ts'
import { openAccount } from '../commands/account/open-account.ts'
import type { Deps } from '../commands/deps.ts'
import { cancelAtProvider } from '../commands/payment/at-provider.ts'
import { buyPlan } from '../commands/payment/buy-plan.ts'
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
import { bought, pendingSchema, priceIdSchema, providerRoutes } from './billing-provider.ts'
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
    ...providerRoutes(deps),
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
function subscribed({ state, revision, position }: Subscribed, at: string): Answer {
  const current = currentOf(state)
  if (!current) throw new Refusal('not_subscribed')
  return { body: showSubscription(current, at), revision, position }
}

const subscribeRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/billing/subscribe',
    tag,
    summary: 'Take a plan',
    description:
      'What nobody pays for is active at once (200), and another one ends it. What is paid at the ' +
      'provider begins with a checkout, or changes the subscription there; it is so when the provider ' +
      'says so (202). The plan the organization has already: nothing changes.',
    access: access('admin', 'subscription', 'subscribe'),
    body: z.strictObject({
      plan_id: idSchema('plan'),
      price_id: z.exactOptional(priceIdSchema),
    }),
    answers: {
      200: { description: 'The subscription.', schema: subscriptionSchema },
      202: { description: 'Asked of the payment provider.', schema: pendingSchema },
    },
    problems: [
      'plan_not_found',
      'plan_retired',
      'forbidden',
      'billing_by_provider',
      'no_payment_provider',
      'payment_provider_not_set',
      'price_not_offered',
      'billing_cycle_differs',
      'payment_provider_unavailable',
      'payment_provider_refused',
    ],
    async handler({ actor, body, root }) {
      const orgId = organizationOf(actor)
      const { plan_id: planId, price_id: priceId } = body
      if (!(await isPaidFor(deps, planId, priceId)))
        return subscribed(await subscribe(deps, root, { orgId, planId }), root.at)
      const answer = bought(await buyPlan(deps, root, { orgId, planId, priceId }))
      return answer ?? subscribed(await subscriptionsOf(deps, orgId), root.at)
    },
  })

async function isPaidFor(deps: Deps, planId: string, priceId: string | undefined) {
  if (!deps.paymentProvider) {
    if (priceId !== undefined) throw new Refusal('no_payment_provider')
    return false
  }
  const { state } = await deps.streams.load(plan, planId)
  return termsOf(state)?.terms.free === false
}

async function subscriptionsOf(deps: Deps, orgId: string): Promise<Subscribed> {
  const { state, revision } = await deps.streams.load(subscription, orgId)
  return { state, revision, position: undefined }
}

const cancelRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/billing/cancel',
    tag,
    summary: 'Give the plan up',
    description:
      'At the end of the period, until which it stays in force, or now. What is paid at the provider ' +
      'ends when the provider says so (202).',
    access: access('admin', 'subscription', 'cancel'),
    body: z.strictObject({ at: z.enum(['period_end', 'now']).default('period_end') }),
    bodyOptional: true,
    answers: {
      200: { description: 'The subscription.', schema: subscriptionSchema },
      202: { description: 'Asked of the provider. As it is now.', schema: subscriptionSchema },
    },
    problems: [
      'not_subscribed',
      'payment_provider_not_set',
      'payment_provider_unavailable',
      'payment_provider_refused',
    ],
    async handler({ actor, body, root }) {
      const orgId = organizationOf(actor)
      if (!(await cancelAtProvider(deps, root, orgId, body.at)))
        return subscribed(
          await cancelSubscription(deps, root, orgId, { now: body.at === 'now' }),
          root.at,
        )
      return { ...subscribed(await subscriptionsOf(deps, orgId), root.at), status: 202 }
    },
  })
