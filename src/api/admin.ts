/**
 * What only an administrator of the platform does: people in and out, credit, corrections, plans given
 * by hand. Lists and the catalogue have files of their own.
 */
import { z } from 'zod'
import { adjustCharge } from '../commands/account/adjust-charge.ts'
import { grantCredit } from '../commands/account/grant-credit.ts'
import { correctionBody, amountBody } from '../commands/amount.ts'
import type { Deps } from '../commands/deps.ts'
import { subscribe } from '../commands/subscription/subscribe.ts'
import { deactivateUser } from '../commands/user/deactivate-user.ts'
import { reactivateUser } from '../commands/user/reactivate-user.ts'
import { creditKind } from '../domain/account/events.ts'
import { idSchema, instantText } from '../domain/ids.ts'
import { organization } from '../domain/organization/organization.ts'
import { Refusal } from '../domain/refusal.ts'
import { currentOf } from '../domain/subscription/state.ts'
import { catalogueRoutes } from './admin-catalogue.ts'
import { adminSpendRoutes } from './admin-spend.ts'
import { organizationsRoute, usersRoute } from './admin-lists.ts'
import { showSubscription, subscriptionSchema } from './billing-schemas.ts'
import { Problem } from './errors.ts'
import { type AnyRoute, route } from './route.ts'
import { moneyOf, moneySchema, timeSchema } from './schemas.ts'

const tag = 'admin'
const access = (resource: string, action: string) =>
  ({ actor: 'administrator', resource, action, limits: ['request'] }) as const
const reason = z.string().trim().min(1).max(500).meta({
  description: 'For the books, kept for ever: it must not name a person.',
})
const figures = {
  balance: moneySchema,
  available: moneySchema,
}

export const adminRoutes = (deps: Deps): AnyRoute[] => [
  usersRoute(deps),
  deactivateRoute(deps),
  activateRoute(deps),
  organizationsRoute(deps),
  subscribeRoute(deps),
  creditRoute(deps),
  adjustRoute(deps),
  ...catalogueRoutes(deps),
  ...adminSpendRoutes(deps),
]

const userParams = z.strictObject({ id: idSchema('user') })

const deactivateRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/admin/users/{id}/deactivate',
    tag,
    summary: 'Keep a person out, from their next request on',
    access: access('user', 'deactivate'),
    params: userParams,
    body: z.strictObject({ reason: z.exactOptional(z.string().trim().min(1).max(500)) }),
    bodyOptional: true,
    answers: { 204: { description: 'Deactivated.' } },
    problems: ['user_not_found'],
    async handler({ params: { id: userId }, body, root }) {
      const { position } = await deactivateUser(deps, root, { userId, ...body })
      return { status: 204, position }
    },
  })

const activateRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/admin/users/{id}/activate',
    tag,
    summary: 'Let a person in again',
    access: access('user', 'activate'),
    params: userParams,
    answers: { 204: { description: 'Active.' } },
    problems: ['user_not_found'],
    async handler({ params: { id: userId }, root }) {
      const { position } = await reactivateUser(deps, root, { userId })
      return { status: 204, position }
    },
  })

const subscribeRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/admin/organizations/{org_id}/subscribe',
    tag,
    summary: 'Give an organization a plan',
    description: 'Also one that organizations do not take by themselves.',
    access: access('subscription', 'give'),
    params: z.strictObject({ org_id: idSchema('organization') }),
    body: z.strictObject({ plan_id: idSchema('plan') }),
    answers: { 200: { description: 'The subscription.', schema: subscriptionSchema } },
    problems: [
      'organization_not_found',
      'plan_not_found',
      'plan_retired',
      'billing_by_provider',
      'payment_provider_not_set',
    ],
    async handler({ params: { org_id: orgId }, body, root }) {
      const { state: known } = await deps.streams.load(organization, orgId)
      if (!known) throw new Refusal('organization_not_found')
      const wish = { orgId, planId: body.plan_id, byAdministrator: true }
      const { state, revision, position } = await subscribe(deps, root, wish)
      const current = currentOf(state)
      if (!current) throw new Refusal('not_subscribed')
      return { body: showSubscription(current, root.at), revision, position }
    },
  })

const creditRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/admin/accounts/{org_id}/credits',
    tag,
    summary: 'Give an organization credit',
    access: access('account', 'credit'),
    params: z.strictObject({ org_id: idSchema('organization') }),
    body: z.strictObject({
      amount: amountBody,
      kind: creditKind.meta({ description: 'Paid credit is drawn last.' }),
      reason,
      expires_at: z.exactOptional(instantText),
    }),
    answers: {
      201: {
        description: 'Granted.',
        schema: z.strictObject({
          lot_id: idSchema('lot'),
          amount: moneySchema,
          kind: creditKind,
          expires_at: z.nullable(timeSchema),
          ...figures,
        }),
      },
    },
    problems: ['organization_not_found', 'adjustment_too_large'],
    async handler({ params: { org_id: orgId }, body, root }) {
      const { amount, kind, expires_at: expiresAt } = body
      if (expiresAt !== undefined && expiresAt <= root.at)
        throw new Problem('invalid_input', {}, [
          { path: 'body.expires_at', message: 'a time to come' },
        ])
      const granted = await grantCredit(deps, root, {
        orgId,
        amountNanos: BigInt(amount),
        kind,
        reason: body.reason,
        ...(expiresAt !== undefined && { expiresAt }),
      })
      return {
        status: 201,
        body: {
          lot_id: granted.lotId,
          amount: moneyOf(amount),
          kind,
          expires_at: expiresAt ?? null,
          balance: moneyOf(granted.balanceNanos),
          available: moneyOf(granted.availableNanos),
        },
        position: granted.position,
      }
    },
  })

const adjustRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/admin/invocations/{id}/adjust',
    tag,
    summary: 'Correct what a call was charged',
    description:
      "A positive amount in the buyer's favour, at most what the call is still charged; a negative " +
      'one against, at most the free credit.',
    access: access('invocation', 'adjust'),
    params: z.strictObject({ id: idSchema('invocation') }),
    body: z.strictObject({ amount: correctionBody, reason }),
    answers: {
      201: {
        description: 'Corrected.',
        schema: z.strictObject({
          adjustment_id: idSchema('adjustment'),
          organization_id: idSchema('organization'),
          amount: moneySchema,
          charge: moneySchema.meta({ description: 'What the call is charged now.' }),
          ...figures,
        }),
      },
    },
    problems: [
      'invocation_not_found',
      'charge_not_found',
      'adjustment_too_large',
      'insufficient_credit',
    ],
    async handler({ params: { id: invocationId }, body, root }) {
      const correction = { invocationId, amountNanos: BigInt(body.amount), reason: body.reason }
      const corrected = await adjustCharge(deps, root, correction)
      return {
        status: 201,
        body: {
          adjustment_id: corrected.adjustmentId,
          organization_id: corrected.orgId,
          amount: moneyOf(body.amount),
          charge: moneyOf(corrected.chargeNanos),
          balance: moneyOf(corrected.balanceNanos),
          available: moneyOf(corrected.availableNanos),
        },
        position: corrected.position,
      }
    },
  })
