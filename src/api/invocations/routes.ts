/** Invoking an agent, and what can be done with a call: read it, follow its stream, cancel it. */
import { z } from 'zod'
import type { AccessRule } from '../../commands/access.ts'
import type { Deps } from '../../commands/deps.ts'
import { readAnswer } from '../../commands/invocation/answer-text.ts'
import { cancelInvocation } from '../../commands/invocation/cancel-invocation.ts'
import { endedCall } from '../../commands/invocation/follow-call.ts'
import { followWanted } from '../../commands/invocation/follow-wanted.ts'
import {
  invocationIdOf,
  type InvokeInput,
  invokeAgent,
} from '../../commands/invocation/invoke-agent.ts'
import { visibleCall } from '../../commands/invocation/visible-call.ts'
import { labelName, variableName } from '../../domain/agent/events.ts'
import { idSchema } from '../../domain/ids.ts'
import { invocationMetadata } from '../../domain/invocation/events.ts'
import type { Invocation } from '../../domain/invocation/invocation.ts'
import type { Messages } from '../../messages/messages.ts'
import { invocationHistory } from '../../projections/invocation-history.ts'
import { acting } from '../actor.ts'
import { Problem } from '../errors.ts'
import { type AnyRoute, type Answer, type Call, route } from '../route.ts'
import { defined } from '../schemas.ts'
import { invocationSchema, showInvocation } from '../usage/invocation-json.ts'
import { answerSchema, toolCallsSchema } from './answer.ts'
import { deliverEvents, deliverJson, leftSignal } from './deliver.ts'
import { openEventStream, placeFrom, type StreamPlace } from './event-stream.ts'

const BODY_LIMIT = 512 * 1024
const EVENTS = 'text/event-stream'
const tag = 'invocations'

const access = (action: string, role: AccessRule['role'] = 'auditor'): AccessRule => ({
  actor: 'user',
  role: role ?? 'auditor',
  scope: action === 'read' ? 'invocations:read' : 'invoke',
  resource: action === 'invoke' ? 'agent' : 'invocation',
  action,
  limits: [action === 'invoke' ? 'invoke' : 'request'],
})

export const invocationRoutes = (deps: Deps): AnyRoute[] => [
  invokeRoute(deps),
  readRoute(deps),
  eventsRoute(deps),
  cancelRoute(deps),
]

const invokeBody = z.strictObject({
  // A missing input is a refusal of the agent's, which says what it wants.
  input: z
    .unknown()
    .optional()
    .meta({ type: 'string', description: 'The text for the agent. Required, not empty.' }),
  variables: z.exactOptional(
    z.record(variableName, z.string()).meta({ description: 'Values of the declared variables.' }),
  ),
  stream: z.exactOptional(z.boolean()).meta({ description: 'Answer with server-sent events.' }),
  label: z
    .exactOptional(labelName)
    .meta({ description: 'Which version; production where absent.' }),
  user: z
    .exactOptional(z.string().min(1).max(256))
    .meta({ description: 'Your own end user: usage is grouped by it.' }),
  metadata: z.exactOptional(invocationMetadata).meta({
    description: 'Your own tags, at most 16. Not sealed: no place for personal data.',
  }),
})
type InvokeBody = z.output<typeof invokeBody>

const accepted = z.strictObject({ invocation_id: idSchema('invocation') })

const invokeRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'POST',
    path: '/agents/{agent_id}/invoke',
    tag,
    summary: 'Invoke an agent',
    description:
      'Answers with one document, or with `stream: true` (or `Accept: text/event-stream`) with events: ' +
      '`delta` with a piece of text, then `done` with the document, or `error` with a problem. With ' +
      '`Prefer: respond-async` it answers at once and the call goes on by itself. An Idempotency-Key ' +
      'that was used before joins its call or gets the same answer.',
    access: access('invoke', 'member'),
    params: z.strictObject({ agent_id: idSchema('agent') }),
    body: invokeBody,
    bodyLimit: BODY_LIMIT,
    answers: {
      200: { description: 'The answer.', schema: answerSchema },
      202: { description: 'Accepted; Location says where it can be read.', schema: accepted },
    },
    problems: [
      'agent_not_found',
      'agent_inactive',
      'label_not_found',
      'input_required',
      'variables_invalid',
      'prompt_too_large',
      'context_exceeded',
      'insufficient_credit',
      'account_not_found',
      'not_subscribed',
      'model_not_found',
      'price_missing',
      'idempotency_key_reused',
      'provider_unavailable',
      'provider_refused',
      'provider_timeout',
      'invocation_failed',
      'content_erased',
      'unavailable',
    ],
    async handler(call) {
      const { actor, root, params, body, request } = call
      const caller = acting(actor)
      const input = inputOf(params.agent_id, body)
      const isAsync = prefersAsync(request.headers['prefer'])
      const signal = leftSignal(call.reply)
      if (isAsync) {
        const invoked = await invokeAgent(deps, caller, root, input, {
          respond: 'async',
          signal,
          ...call.door,
        })
        return acceptedAnswer(deps, invoked.invocationId)
      }
      if (!(body.stream ?? request.headers.accept?.includes(EVENTS) === true)) {
        const invoked = await invokeAgent(deps, caller, root, input, {
          respond: 'wait',
          signal,
          ...call.door,
        })
        return deliverJson(endedOf(invoked), signal)
      }
      const location = pathOf(invocationIdOf(deps, root))
      const stream = openEventStream(call.reply, { location })
      const options = { respond: 'wait', signal, onDelta: stream.delta, ...call.door } as const
      let invoked
      try {
        invoked = await invokeAgent(deps, caller, root, input, options)
      } catch (error) {
        stream.close()
        throw error
      }
      return deliverEvents(endedOf(invoked), delivery(deps, call, stream, signal))
    },
  })

const pathOf = (invocationId: string): string => `/invocations/${invocationId}`

function inputOf(agentId: string, body: InvokeBody): InvokeInput {
  const { input, variables, label, user, metadata } = body
  return { agentId, input, ...defined({ variables, label, user, metadata }) }
}

const prefersAsync = (prefer: string | string[] | undefined): boolean =>
  String(prefer ?? '')
    .split(',')
    .some((one) => one.trim().toLowerCase() === 'respond-async')

const acceptedAnswer = (deps: Deps, invocationId: string): Answer => ({
  status: 202,
  body: { invocation_id: invocationId },
  headers: { location: pathOf(invocationId), 'preference-applied': 'respond-async' },
  position: deps.streams.lastWritten(),
})

function endedOf({ ended }: Awaited<ReturnType<typeof invokeAgent>>) {
  if (!ended) throw new Error('somebody waits for this call')
  return ended
}

const delivery = (
  deps: Deps,
  {
    messages,
    request,
  }: { messages: Messages; request: Call<unknown, unknown, unknown>['request'] },
  stream: ReturnType<typeof openEventStream>,
  left: AbortSignal,
) => ({ stream, left, messages, requestId: request.id, logger: deps.logger })

const params = z.strictObject({ id: idSchema('invocation') })

const shownSchema = invocationSchema.extend({
  output: z.exactOptional(z.string()).meta({
    description: 'The text of the answer; absent before the end, and once it is deleted.',
  }),
  tool_calls: z.exactOptional(toolCallsSchema),
})

const readRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'GET',
    path: '/invocations/{id}',
    tag,
    summary: 'A call: what became of it, what it cost, what it said',
    access: access('read'),
    params,
    answers: { 200: { description: 'The call.', schema: shownSchema } },
    problems: ['invocation_not_found', 'view_behind'],
    reads: true,
    async handler({ actor, params: { id } }) {
      const invocation = await visibleCall(deps, acting(actor), id, 'read')
      return { body: await shown(deps, id, invocation) }
    },
  })

async function shown(deps: Deps, id: string, { end }: Invocation) {
  const record = await deps.views.get(invocationHistory, id)
  if (!record) throw new Problem('view_behind')
  const part = end?.data.output
  const [call, answer] = await Promise.all([
    showInvocation(deps, record),
    part && readAnswer(deps, part),
  ])
  const { text: output, toolCalls = [] } = answer ?? {}
  return {
    ...call,
    ...defined({ output, tool_calls: toolCalls.length > 0 ? toolCalls : undefined }),
  }
}

const eventsRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'GET',
    path: '/invocations/{id}/events',
    tag,
    summary: 'Follow a call',
    description:
      'The events of an invoke with `stream: true`, from the beginning or after `Last-Event-ID`; of a ' +
      'call that has ended, the same text and the same `done`.',
    access: access('follow'),
    params,
    answers: { 200: { description: 'The events.', contentType: EVENTS } },
    problems: ['invocation_not_found', 'content_erased', 'invocation_failed'],
    async handler(call) {
      const {
        actor,
        params: { id },
        request,
        reply,
      } = call
      const invocation = await visibleCall(deps, acting(actor), id, 'read')
      const after = lastEventId(request.headers['last-event-id'])
      const left = leftSignal(reply)
      const stream = openEventStream(reply, {}, after)
      if (invocation.end)
        return deliverEvents(endedCall(deps, invocation), delivery(deps, call, stream, left))
      const following = { signal: left, after, onDelta: stream.delta }
      const ended = followWanted(deps, id, call.root, following, false)
      return deliverEvents(ended, delivery(deps, call, stream, left))
    },
  })

function lastEventId(header: string | string[] | undefined): StreamPlace | undefined {
  if (header === undefined || header === '') return undefined
  const place = typeof header === 'string' ? placeFrom(header) : undefined
  if (!place)
    throw new Problem('invalid_input', {}, [
      { path: 'header.last-event-id', message: 'the id of an event of this call, as 1.120' },
    ])
  return place
}

const canceledSchema = z.strictObject({
  id: idSchema('invocation'),
  status: z.enum(['canceled', 'canceling']),
})

const cancelRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'POST',
    path: '/invocations/{id}/cancel',
    tag,
    summary: 'Cancel a call',
    description:
      'Before the model is asked the call ends at once and costs nothing; after that it ends by the ' +
      'abort policy of the agent’s version. Nothing of what was delivered is taken back.',
    access: access('cancel', 'member'),
    params,
    answers: {
      200: { description: 'Canceled.', schema: canceledSchema },
      202: { description: 'It will end by its abort policy.', schema: canceledSchema },
    },
    problems: ['invocation_not_found', 'invocation_ended'],
    async handler({ actor, root, params: { id } }) {
      const { invocation, position } = await cancelInvocation(deps, acting(actor), root, id)
      const ended = invocation.end !== undefined
      return {
        status: ended ? 200 : 202,
        body: { id, status: ended ? 'canceled' : 'canceling' },
        position,
      }
    },
  })
