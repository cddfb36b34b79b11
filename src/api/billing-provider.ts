/**
 * What is paid at the payment provider: checkouts, its portal, its documents. A page to pay on is all that
 * is answered here; that it was paid the provider's messages say.
 */
import { z } from 'zod'
import type { AccessRule } from '../commands/access.ts'
import { invoiceLink } from '../commands/payment/at-provider.ts'
import { buyCredit } from '../commands/payment/buy-credit.ts'
import type { PlanBought } from '../commands/payment/buy-plan.ts'
import type { CheckoutToPay } from '../commands/payment/open-checkout.ts'
import { portalLink } from '../commands/payment/portal-link.ts'
import type { Deps } from '../commands/deps.ts'
import { idSchema } from '../domain/ids.ts'
import { paidBack } from '../domain/payment/money-flow.ts'
import { paymentPurposes } from '../domain/payment/events.ts'
import { decimalOfMinor } from '../domain/payment/minor.ts'
import { type Payment, payments, type Payments } from '../domain/payment/payments.ts'
import { organizationOf, signedIn } from './actor.ts'
import { listPage, pageOf, pageQuery } from './pages.ts'
import { type AnyRoute, type Answer, route } from './route.ts'
import { timeSchema } from './schemas.ts'

const tag = 'billing'
const managing = (resource: string, action: string): AccessRule => ({
  actor: 'user',
  role: 'admin',
  resource,
  action,
  limits: ['request'],
})
const reading = (action: string): AccessRule => ({
  actor: 'user',
  role: 'auditor',
  wholeOrganization: true,
  scope: 'billing:read',
  resource: 'invoice',
  action,
  limits: ['request'],
})

export const priceIdSchema = z
  .string()
  .min(1)
  .max(128)
  .meta({ description: "The provider's price, one of the plan's; its first where left out." })

const checkoutSchema = z
  .strictObject({
    id: idSchema('checkout'),
    url: z.string().meta({ description: 'A page of the provider, or yours with its script.' }),
    payment_id: z.string().meta({ description: "The provider's id of what is paid there." }),
  })
  .meta({ id: 'Checkout' })

/** The provider has been asked; its message will say that it is so. */
export const pendingSchema = z
  .strictObject({
    status: z.literal('pending'),
    checkout: z.nullable(checkoutSchema).meta({ description: 'null: nothing is to be paid now.' }),
    charged: z
      .nullable(z.enum(['now', 'next_period']))
      .meta({ description: 'Of a change of plan: when the new price is first charged.' }),
  })
  .meta({ id: 'PendingPurchase' })

const toPay = ({ checkout, position }: CheckoutToPay): Answer => ({
  status: 202,
  body: {
    status: 'pending',
    checkout: {
      id: checkout.checkoutId,
      url: checkout.opened.url,
      payment_id: checkout.opened.paymentId,
    },
    charged: null,
  },
  position,
})

/** undefined: it has the plan already. */
export function bought(plan: PlanBought): Answer | undefined {
  if (plan.kind === 'checkout') return toPay(plan)
  if (plan.kind === 'same') return undefined
  return { status: 202, body: { status: 'pending', checkout: null, charged: plan.charged } }
}

const linkSchema = z
  .strictObject({ url: z.string().meta({ description: 'Good for a short time: do not keep it.' }) })
  .meta({ id: 'ProviderLink' })

const amountSchema = z
  .strictObject({ amount: z.string(), currency: z.string() })
  .meta({ id: 'PaidAmount', description: 'A decimal string in units of the currency paid in.' })

export const invoiceSchema = z
  .strictObject({
    payment_id: z.string(),
    purpose: z.enum(paymentPurposes),
    plan_id: idSchema('plan'),
    paid_at: timeSchema,
    total: amountSchema.meta({ description: 'Tax included.' }),
    tax: amountSchema,
    returned: amountSchema.meta({ description: 'Of the total: what went back.' }),
    period: z.nullable(z.strictObject({ start: timeSchema, end: timeSchema })),
    number: z.nullable(z.string()).meta({ description: "Of the provider's document." }),
  })
  .meta({ id: 'Invoice' })

const invoicesSchema = pageOf(invoiceSchema).extend({
  issued_by: z.enum(['provider', 'nobody']).meta({
    description:
      'provider: the merchant of record makes the documents. nobody: this installation takes no money ' +
      'and issues none.',
  }),
})

export const providerRoutes = (deps: Deps): AnyRoute[] => [
  topUpRoute(deps),
  portalRoute(deps),
  invoicesRoute(deps),
  invoiceRoute(deps),
]

const topUpRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/billing/top-up',
    tag,
    summary: 'Buy credit once',
    description: 'At a price of the plan in force. The credit comes when the provider says paid.',
    access: managing('credit', 'buy'),
    body: z.strictObject({
      price_id: z.exactOptional(priceIdSchema),
      quantity: z.int().min(1).max(1_000).default(1),
    }),
    bodyOptional: true,
    answers: { 202: { description: 'Where it is paid.', schema: pendingSchema } },
    problems: [
      'no_payment_provider',
      'not_subscribed',
      'price_not_offered',
      'payment_provider_unavailable',
      'payment_provider_refused',
    ],
    async handler({ actor, body, root }) {
      const orgId = organizationOf(actor)
      const { price_id: priceId, quantity } = body
      return toPay(await buyCredit(deps, root, { orgId, priceId, quantity }))
    },
  })

const portalRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/billing/portal',
    tag,
    summary: "A link to the provider's customer portal",
    description:
      'Cards, addresses and documents are kept there. The link signs its reader in as who paid, so it is ' +
      'given only to a person whose confirmed address is the one that the provider knows.',
    access: managing('subscription', 'portal'),
    answers: { 200: { description: 'The link.', schema: linkSchema } },
    problems: [
      'no_payment_provider',
      'not_subscribed',
      'portal_not_yours',
      'payment_provider_unavailable',
      'payment_provider_refused',
    ],
    async handler({ actor }) {
      const { userId } = signedIn(actor)
      const url = await portalLink(deps, { orgId: organizationOf(actor), userId })
      return { body: { url }, headers: { 'cache-control': 'no-store' } }
    },
  })

const invoicesRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/billing/invoices',
    tag,
    summary: 'What was paid, newest first',
    description: "GET /billing/invoices/{payment_id} answers with the provider's document.",
    access: reading('list'),
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of payments.', schema: invoicesSchema } },
    async handler({ actor, query }) {
      const orgId = organizationOf(actor)
      const { state } = await deps.streams.load(payments, orgId)
      const sorted = [...state.payments.values()]
        .filter(({ totalMinor }) => totalMinor !== '0')
        .sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1))
      const list = await listPage(
        deps,
        ['invoices', orgId],
        query,
        async ({ limit, after }) => {
          const rest = sorted.filter((one) => after === undefined || placeOf(one) < after)
          const items = rest.slice(0, limit)
          const last = rest.length > limit ? items.at(-1) : undefined
          return { items, next: last && placeOf(last) }
        },
        (one) => showInvoice(one, state),
      )
      return { body: { ...list, issued_by: deps.paymentProvider ? 'provider' : 'nobody' } }
    },
  })

/** Of the payment's first message, so that it never moves. */
const placeOf = ({ first, paymentId }: Payment): string => `${first.occurredAt} ${paymentId}`

function showInvoice(payment: Payment, state: Payments): z.output<typeof invoiceSchema> {
  const { currency, periodStart, periodEnd } = payment
  const paid = (minor: string | bigint) => ({ amount: decimalOfMinor(minor, currency), currency })
  return {
    payment_id: payment.paymentId,
    purpose: payment.purpose,
    plan_id: payment.planId,
    paid_at: new Date(payment.first.occurredAt).toISOString(),
    total: paid(payment.totalMinor),
    tax: paid(payment.taxMinor),
    returned: paid(paidBack(state, payment)),
    period:
      periodStart === undefined || periodEnd === undefined
        ? null
        : { start: periodStart, end: periodEnd },
    number: payment.invoiceNumber ?? null,
  }
}

const invoiceRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/billing/invoices/{payment_id}',
    tag,
    summary: "A link to the provider's document for a payment",
    access: reading('read'),
    params: z.strictObject({ payment_id: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/) }),
    answers: { 200: { description: 'The link.', schema: linkSchema } },
    problems: [
      'payment_not_found',
      'invoice_not_found',
      'no_payment_provider',
      'payment_provider_unavailable',
      'payment_provider_refused',
    ],
    handler: async ({ actor, params }) => ({
      body: { url: await invoiceLink(deps, organizationOf(actor), params.payment_id) },
      headers: { 'cache-control': 'no-store' },
    }),
  })
