/** Notifications for the webhook: made, signed and sent through the front door, without a network. */
import { sign } from '../../src/adapters/paddle/signature.ts'
import { openedCheckout, requestCheckout } from '../../src/commands/payment/checkouts.ts'
import type { Reply, TestApp } from './app.ts'
import { SECRET } from './paddle.ts'
import { operatorRoot } from './seed.ts'

export interface Note {
  readonly event_id: string
  readonly event_type: string
  readonly occurred_at: string
  readonly notification_id?: string
  readonly data: Readonly<Record<string, unknown>>
}

let made = 0
/** As Paddle's: never the same twice. */
export const paddleId = (prefix: string): string =>
  `${prefix}_01${String(++made).padStart(24, 'k')}`

export const note = (
  type: string,
  data: Readonly<Record<string, unknown>>,
  occurredAt: string | Date = new Date(0),
): Note => ({
  event_id: paddleId('evt'),
  event_type: type,
  occurred_at: typeof occurredAt === 'string' ? occurredAt : occurredAt.toISOString(),
  notification_id: paddleId('ntf'),
  data,
})

export interface Sending {
  readonly secrets?: readonly string[]
  /** Seconds that the signature is older than the application's time. */
  readonly age?: number
  /** Instead of Paddle's; undefined: as it should be. */
  readonly signature?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

export async function send(
  test: TestApp,
  message: unknown,
  { secrets = [SECRET], age = 0, signature, headers }: Sending = {},
): Promise<Reply> {
  const isBytes = typeof message === 'string' || Buffer.isBuffer(message)
  const payload = Buffer.from(isBytes ? message : JSON.stringify(message))
  const now = new Date(test.clock.now().getTime() - age * 1_000)
  const signed = signature === undefined ? sign(payload, secrets, now) : signature
  const response = await test.app.server.inject({
    method: 'POST',
    url: '/webhooks/paddle',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Paddle',
      ...(signed === null ? {} : { 'paddle-signature': signed }),
      ...headers,
    },
    payload,
  })
  const { statusCode: status, body: text, headers: answered } = response
  return { status, text, headers: answered, body: response.json<Record<string, unknown>>() }
}

/** A checkout of the organization, open at Paddle as this transaction. */
export async function opened(
  test: TestApp,
  orgId: string,
  { paymentId, planId }: { readonly paymentId: string; readonly planId: string },
): Promise<void> {
  const { deps } = test.app
  const root = operatorRoot(deps)
  const wish = {
    purpose: 'plan',
    planId,
    planVersion: 1,
    priceId: 'pri_team',
    quantity: 1,
  } as const
  const { checkout } = await requestCheckout(deps, root, orgId, wish)
  const { checkoutId } = checkout
  await openedCheckout(deps, root, orgId, { checkoutId, paymentId, url: 'https://example.test' })
}
