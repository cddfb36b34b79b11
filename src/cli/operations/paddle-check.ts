/**
 * `paddle check`: whether key, webhook and prices at Paddle fit what is configured and published here.
 * Secrets are compared, never shown.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { type App, postNotification } from '../../app.ts'
import { soldPlans } from '../../commands/paddle-event/simulated-checkout.ts'
import { usedTypes } from '../../domain/paddle-event/payload.ts'
import type { PlanTerms } from '../../domain/plan/plan.ts'
import {
  type Destination,
  PaymentProviderFailure,
  type PaymentProvider,
} from '../../ports/payment-provider.ts'
import { operation, OperationFailed } from '../operation.ts'

interface Finding {
  readonly part: string
  readonly ok: boolean
  readonly finding: string
}
const good = (part: string, finding: string): Finding => ({ part, ok: true, finding })
const bad = (part: string, finding: string): Finding => ({ part, ok: false, finding })

const check = operation({
  name: 'paddle.check',
  input: z.strictObject({ url: z.url().optional(), checkout: z.boolean().optional() }),
  async run(app, { url, checkout }, tell) {
    const provider = app.deps.paymentProvider
    let wrong = 0
    const found = (findings: readonly Finding[]) => {
      for (const one of findings) {
        if (!one.ok) wrong++
        tell({ kind: 'row', row: { ...one } })
      }
    }
    found([environment(app)])
    if (provider) {
      found([await key(provider)])
      found(await asked('webhook', () => webhook(app, provider)))
      for (const plan of await soldPlans(app.deps))
        found(await asked(`plan ${plan.terms.slug}`, () => pricesOf(provider, plan)))
      if (checkout) found(await asked('payment link', () => paymentLink(app, provider)))
    }
    if (url !== undefined) found([await roundTrip(app, url)])
    if (wrong > 0) throw new OperationFailed('Nothing should be sold before this is in order.')
  },
})

function environment({ config }: App): Finding {
  const { BILLING, PADDLE_ENVIRONMENT, PADDLE_API_URL } = config
  if (BILLING !== 'paddle') return bad('environment', 'BILLING is not paddle: nothing is sold.')
  const where = PADDLE_API_URL === undefined ? PADDLE_ENVIRONMENT : PADDLE_API_URL
  return good('environment', `BILLING=paddle, ${where}.`)
}

const explained = {
  away: 'Paddle does not answer at this address.',
  busy: 'Paddle is asked too often. Try again in a minute.',
  denied: 'Paddle refuses the key: it is not of this environment, was revoked, or may not do this.',
  refused: 'Paddle did not take the request.',
} as const

/** What Paddle's failure means, beside the finding that it stands in the way of. */
async function asked(
  part: string,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look()
  } catch (error) {
    if (!(error instanceof PaymentProviderFailure)) throw error
    const { reason, detail } = error
    return [bad(part, `${explained[reason]}${detail === '' ? '' : ` (${detail})`}`)]
  }
}

async function key(provider: PaymentProvider): Promise<Finding> {
  const findings = await asked('key', async () => {
    await provider.eventsAfter(undefined)
    return [good('key', 'Paddle takes it and shows its list of events.')]
  })
  return findings[0] ?? bad('key', explained.away)
}

async function webhook(app: App, provider: PaymentProvider): Promise<readonly Finding[]> {
  const { PUBLIC_URL, PADDLE_ENVIRONMENT } = app.config
  if (PUBLIC_URL === undefined)
    return [bad('webhook', 'PUBLIC_URL is not set: Paddle has to be told where to send to.')]
  const url = new URL('/webhooks/paddle', PUBLIC_URL).href
  const found = (await provider.destinations()).find((one) => one.url === url)
  if (!found) return [bad('webhook', `Paddle has no notification destination ${url}.`)]
  const missing = usedTypes.filter((type) => !found.types.includes(type))
  return [
    found.active
      ? good('webhook', `Paddle sends to ${url}.`)
      : bad('webhook', `The destination ${url} is switched off at Paddle.`),
    secretOf(app, found),
    missing.length === 0
      ? good('event types', 'All that say something of money or status are sent.')
      : bad('event types', `Not sent: ${missing.join(', ')}.`),
    found.simulated && PADDLE_ENVIRONMENT === 'live'
      ? bad('traffic', 'The destination gets simulated events too: set it to platform alone.')
      : good('traffic', found.simulated ? 'Simulated events come too.' : 'Real events alone.'),
  ]
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function secretOf({ config }: App, { secret }: Destination): Finding {
  const part = 'webhook secret'
  if (secret === undefined) return bad(part, 'Paddle does not show the secret to this key.')
  const ours = [config.PADDLE_WEBHOOK_SECRET, config.PADDLE_WEBHOOK_SECRET_OTHER]
  const same = ours.some((one) => one !== undefined && timingSafeEqual(digest(one), digest(secret)))
  return same
    ? good(part, 'It is the secret of the destination.')
    : bad(part, 'It is not the secret of the destination: every notification is refused.')
}

async function pricesOf(
  provider: PaymentProvider,
  { terms }: PlanTerms,
): Promise<readonly Finding[]> {
  const { payment, slug } = terms
  const recurring = (payment?.prices ?? []).map(({ priceId }) => ({ priceId, once: false }))
  const credit = (payment?.topUpPrices ?? []).map((priceId) => ({ priceId, once: true }))
  const rates = Object.keys(payment?.creditPerMinorUnit ?? {})
  const findings: Finding[] = []
  for (const { priceId, once } of [...recurring, ...credit]) {
    const part = `plan ${slug}`
    const price = await provider.price(priceId)
    if (!price) findings.push(bad(part, `${priceId}: Paddle has no such price.`))
    else if (!price.active) findings.push(bad(part, `${priceId}: it is archived at Paddle.`))
    else if (price.recurring === once)
      findings.push(bad(part, `${priceId}: it is ${once ? 'paid again and again' : 'paid once'}.`))
    else {
      const without = once ? price.currencies.filter((one) => !rates.includes(one)) : []
      findings.push(
        without.length === 0
          ? good(part, `${priceId}: ${price.shown}.`)
          : bad(part, `${priceId}: the plan says no credit for ${without.join(', ')}.`),
      )
    }
  }
  return findings
}

/** The only way to see it is a transaction; it stays a draft that nobody knows of. */
async function paymentLink({ deps }: App, provider: PaymentProvider): Promise<readonly Finding[]> {
  const [first] = (await soldPlans(deps)).flatMap(({ terms }) => [
    ...(terms.payment?.prices.map(({ priceId }) => priceId) ?? []),
    ...(terms.payment?.topUpPrices ?? []),
  ])
  if (first === undefined) return [bad('payment link', 'No plan has a price to try it with.')]
  const wish = { checkoutId: 'check', orgId: 'check', priceId: first, quantity: 1 }
  const { url } = await provider.openCheckout(wish)
  return [good('payment link', `Checkouts open at ${new URL(url).origin}.`)]
}

/** A notification of a type that nobody uses, signed as Paddle would: the same each time. */
async function roundTrip({ config, deps }: App, base: string): Promise<Finding> {
  const part = 'round trip'
  const secret = config.PADDLE_WEBHOOK_SECRET
  if (secret === undefined) return bad(part, 'PADDLE_WEBHOOK_SECRET is not set.')
  const body = JSON.stringify({
    event_id: `evt_check${digest(secret).toString('hex').slice(0, 24)}`,
    event_type: 'daybook.check',
    occurred_at: '2026-01-01T00:00:00Z',
    data: { id: 'check' },
  })
  const url = new URL('/webhooks/paddle', base).href
  const to = { url, secrets: [secret], now: () => deps.clock.now() }
  const status = await postNotification(to, body)
  if (status === 200) return good(part, `${url} takes what is signed with our secret.`)
  return bad(
    part,
    status === 0
      ? `${url} does not answer.`
      : `${url} answers ${status}: is it this Daybook, and is its clock right?`,
  )
}

export const paddleCheckOperations = [check]
