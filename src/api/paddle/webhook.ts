/**
 * Where Paddle tells what happened. The signature over the bytes is checked before anything looks into
 * them; 200 is said when the event is in the log, and never later: applying it is a worker's.
 */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import { receivePaddleEvent } from '../../commands/paddle-event/receive-paddle-event.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type AnyRoute, route } from '../route.ts'

/** Many times what a notification has; what does not fit into an event is refused as well. */
const BODY_LIMIT = 512 * 1024

const envelope = z
  .looseObject({
    event_id: z.string(),
    event_type: z.string(),
    occurred_at: z.string(),
    notification_id: z.exactOptional(z.string()),
    data: z.looseObject({ id: z.string() }),
  })
  .meta({ id: 'PaddleNotification', description: 'A notification as Paddle documents it.' })

export const paddleWebhookRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'POST',
    path: '/webhooks/paddle',
    tag: 'webhooks',
    summary: 'Take a notification of Paddle',
    description:
      '`Paddle-Signature` has to be Paddle’s, over these very bytes, and fresh. 200: the event is ' +
      'stored, and applied soon afterwards. A repeat is answered the same and changes nothing.',
    access: { actor: 'anyone', resource: 'webhook', action: 'receive', limits: ['webhook'] },
    rawBody: envelope,
    bodyLimit: BODY_LIMIT,
    answers: {
      200: { description: 'Stored.', schema: z.strictObject({ event_id: z.string() }) },
    },
    problems: ['webhook_off', 'signature_invalid', 'message_unreadable', 'event_too_large'],
    async handler({ bytes, request, root }) {
      const { clock, paymentMessages } = deps
      if (!paymentMessages) throw new Refusal('webhook_off')
      const header = request.headers['paddle-signature']
      const signature = typeof header === 'string' ? header : undefined
      if (!paymentMessages.isGenuine(signature, bytes, clock.now()))
        throw new Refusal('signature_invalid')
      const message = { text: textOf(bytes), source: 'webhook' } as const
      const { eventId, position } = await receivePaddleEvent(deps, root, message)
      return { body: { event_id: eventId }, position }
    },
  })

function textOf(bytes: Uint8Array): string {
  try {
    // Nothing is taken away, not even a mark at the beginning: it is kept as it was signed.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Refusal('message_unreadable', { field: 'body' })
  }
}
