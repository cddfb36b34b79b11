/** Asks Paddle how one thing is now, for whoever administers the installation and doubts what stands here. */
import { z } from 'zod'
import { reconcileEntity } from '../../commands/paddle-event/reconcile-entity.ts'
import type { Deps } from '../../commands/deps.ts'
import { paddleIdText } from '../../domain/paddle-event/events.ts'
import { paddleEventStatuses } from '../../domain/paddle-event/paddle-event.ts'
import { type AnyRoute, route } from '../route.ts'

const answer = z
  .strictObject({
    entity_id: paddleIdText,
    differences: z.array(z.string()).meta({ description: 'Empty: ours is as Paddle’s.' }),
    event: z.nullable(
      z.strictObject({ id: paddleIdText, status: z.enum(paddleEventStatuses) }).meta({
        description: 'The message that was made of Paddle’s state, and what became of it.',
      }),
    ),
  })
  .meta({ id: 'Reconciliation' })

export const reconcileRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'POST',
    path: '/admin/paddle-events/reconcile',
    tag: 'admin',
    summary: 'Compare one thing with Paddle, and take over what differs',
    description: 'A subscription, a transaction or an adjustment. Again it changes nothing.',
    access: {
      actor: 'administrator',
      resource: 'paddle_event',
      action: 'reconcile',
      limits: ['request'],
    },
    body: z.strictObject({ entity_id: z.string().regex(/^(sub|txn|adj)_[A-Za-z0-9_-]{1,96}$/) }),
    answers: { 200: { description: 'What was found.', schema: answer } },
    problems: [
      'not_found',
      'no_payment_provider',
      'payment_provider_unavailable',
      'payment_provider_refused',
    ],
    async handler({ body, root }) {
      const { entityId, differences, event } = await reconcileEntity(deps, root, body.entity_id)
      return {
        body: {
          entity_id: entityId,
          differences: [...differences],
          event: event ? { id: event.eventId, status: event.status } : null,
        },
      }
    },
  })
