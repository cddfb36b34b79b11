/**
 * The door for programs that speak OpenAI's language: base URL and key changed, nothing else. Every
 * completion is an invocation like any other (hold, events, charge, GET /invocations/{id}); what differs
 * is the form of requests, answers and errors.
 */
import { z } from 'zod'
import type { AccessRule } from '../../commands/access.ts'
import type { Deps } from '../../commands/deps.ts'
import { resolveModel } from '../../commands/agent/resolve-model.ts'
import { agents } from '../../projections/agents.ts'
import { acting, organizationOf } from '../actor.ts'
import { type AnyRoute, route } from '../route.ts'
import { completionSchema } from './completion.ts'
import { complete } from './complete.ts'
import { modelSchema, showModel, usableAgents } from './models.ts'
import { completionBody } from './request.ts'

const BODY_LIMIT = 512 * 1024
const tag = 'openai-compatible'

const readAccess = (action: string): AccessRule => ({
  actor: 'user',
  role: 'auditor',
  scope: ['agents:read', 'invoke'],
  resource: 'agent',
  action,
  limits: ['request'],
})

export const openAiRoutes = (deps: Deps): AnyRoute[] => [
  completionsRoute(deps),
  modelsRoute(deps),
  modelRoute(deps),
]

const completionsRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'POST',
    path: '/v1/chat/completions',
    tag,
    summary: 'Invoke an agent, in OpenAI’s language',
    description:
      '`model` is an agent. The last message of the user is its input, the turns around it are the ' +
      'conversation. What the agent fixes is dropped and named in `X-Daybook-Dropped`; the call is the ' +
      'invocation of `X-Daybook-Invocation-Id`. Errors have OpenAI’s envelope and, for what the request ' +
      'is to blame, 400 instead of 422.',
    access: {
      actor: 'user',
      role: 'member',
      scope: 'invoke',
      resource: 'agent',
      action: 'invoke',
      limits: ['invoke'],
    },
    body: completionBody,
    bodyLimit: BODY_LIMIT,
    answers: {
      200: {
        description: 'The answer; with `stream: true` chunks as server-sent events.',
        schema: completionSchema,
      },
    },
    problems: [
      'agent_not_found',
      'agent_inactive',
      'label_not_found',
      'parameter_not_allowed',
      'input_required',
      'variables_invalid',
      'prompt_too_large',
      'context_exceeded',
      'insufficient_credit',
      'account_not_found',
      'not_subscribed',
      'price_missing',
      'provider_unavailable',
      'provider_refused',
      'provider_timeout',
      'invocation_failed',
      'content_erased',
    ],
    handler: (call) => complete(deps, call),
  })

const modelsRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'GET',
    path: '/v1/models',
    tag,
    summary: 'Agents as models',
    description: 'What `model` may name: agents that answer, the organization’s own first.',
    access: readAccess('list'),
    answers: {
      200: {
        description: 'All of them.',
        schema: z.strictObject({ object: z.literal('list'), data: z.array(modelSchema) }),
      },
    },
    reads: true,
    async handler({ actor }) {
      const data = (await usableAgents(deps, acting(actor))).map((one) => showModel(one, one.slug))
      return { body: { object: 'list', data } }
    },
  })

const modelRoute = (deps: Deps): AnyRoute =>
  route({
    method: 'GET',
    path: '/v1/models/{model}',
    tag,
    summary: 'One agent as a model',
    access: readAccess('read'),
    params: z.strictObject({ model: z.string().min(1).max(200) }),
    answers: { 200: { description: 'The agent.', schema: modelSchema } },
    problems: ['agent_not_found', 'agent_inactive', 'label_not_found'],
    reads: true,
    async handler({ actor, params: { model } }) {
      const { agent } = await resolveModel(deps, organizationOf(actor), model)
      const listed = await deps.views.get(agents, agent.agentId)
      return { body: showModel({ ...agent, createdAt: listed?.createdAt }, model) }
    },
  })
