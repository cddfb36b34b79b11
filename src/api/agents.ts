/**
 * Agents over HTTP: the organization's own and the platform's. Who may change one depends on its owner,
 * so the routes ask for a member and the command folder for the rest.
 */
import { z } from 'zod'
import type { AccessRule } from '../commands/access.ts'
import { changeAgent } from '../commands/agent/change-agent.ts'
import type { AgentChange } from '../commands/agent/change.ts'
import { createAgent } from '../commands/agent/create-agent.ts'
import {
  agentForManagement,
  agentForUse,
  assertGivesNothingAway,
  assertManagesAgentsOf,
} from '../commands/agent/find-agent.ts'
import { moveAgentLabel } from '../commands/agent/move-agent-label.ts'
import { publishAgentVersion } from '../commands/agent/publish-agent-version.ts'
import { renderAgent } from '../commands/agent/render-agent.ts'
import { agentNames, agentVersionBody, versionOf } from '../commands/agent/version-body.ts'
import type { Deps } from '../commands/deps.ts'
import { labelName, versionNumber } from '../domain/agent/events.ts'
import { idSchema } from '../domain/ids.ts'
import { agentsOf, type ListedVersion, versionsOf } from '../projections/agents.ts'
import { openText } from '../projections/open.ts'
import { organizationOf } from './actor.ts'
import {
  agentSchema,
  listedAgentSchema,
  showAgent,
  showListed,
  showListedVersion,
  showVersion,
  versionSchema,
} from './agent-schemas.ts'
import { filteredPage, listPage, pageOf, pageQuery } from './pages.ts'
import { type AnyRoute, type Answer, route } from './route.ts'

const VERSION_LIMIT = 160 * 1024
const RENDER_LIMIT = 512 * 1024

/** Whoever is in the organization may ask; what a change needs depends on the agent's owner. */
const access = (action: string, role: 'auditor' | 'member' = 'auditor'): AccessRule => ({
  actor: 'user',
  role,
  ...(action === 'list' || action === 'read' ? { scope: 'agents:read' } : {}),
  resource: 'agent',
  action,
  limits: ['request'],
})
const params = z.strictObject({ agent_id: idSchema('agent') })
const tag = 'agents'

/** The agent after a change, for who made it. */
const changed = (deps: Deps, change: AgentChange): Answer => ({
  body: showAgent(change.agent, true),
  revision: change.revision,
  position: change.position ?? deps.streams.lastWritten(),
})

export function agentRoutes(deps: Deps): AnyRoute[] {
  return [
    listRoute(deps),
    createRoute(deps),
    readRoute(deps),
    changeRoute(deps),
    publishRoute(deps),
    versionsRoute(deps),
    labelRoute(deps),
    renderRoute(deps),
  ]
}

const listRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/agents',
    tag,
    summary: 'Agents that the organization may use',
    description: "The organization's own, then the platform's, each in order of their short names.",
    access: access('list'),
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of agents.', schema: pageOf(listedAgentSchema) } },
    reads: true,
    async handler({ actor, query }) {
      const orgId = organizationOf(actor)
      const owners = [orgId, 'platform']
      const bound = actor.kind === 'key' ? actor.agents : undefined
      const all = (page: { limit: number; after?: string }) => agentsOf(deps.views, owners, page)
      const fetch = (page: { limit: number; after?: string }) =>
        bound ? filteredPage(all, page, ({ agentId }) => bound.includes(agentId)) : all(page)
      return { body: await listPage(deps, ['agents', orgId], query, fetch, showListed) }
    },
  })

const createRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/agents',
    tag,
    summary: 'Create an agent, with its first version where one is given',
    description: 'By an admin of the organization; the agents of the platform by an administrator.',
    access: access('create'),
    body: z.strictObject({
      ...agentNames,
      owner: z.exactOptional(z.literal('platform')),
      version: z.exactOptional(agentVersionBody),
    }),
    bodyLimit: VERSION_LIMIT,
    answers: { 201: { description: 'Created.', schema: agentSchema } },
    problems: ['forbidden', 'slug_taken', 'template_invalid', 'prompt_too_large'],
    async handler({ actor, body, root }) {
      const { slug, name } = body
      const owner = body.owner ?? organizationOf(actor)
      assertManagesAgentsOf(actor, owner)
      const version = body.version && versionOf(body.version)
      if (version) assertGivesNothingAway(actor, version)
      const created = await createAgent(deps, root, {
        owner,
        slug,
        name,
        ...(version && { version }),
      })
      const headers = { location: `/agents/${created.agent.agentId}` }
      return { ...changed(deps, created), status: 201, headers }
    },
  })

const readRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/agents/{agent_id}',
    tag,
    summary: 'One agent, and what a call of it gets',
    access: access('read'),
    params,
    answers: { 200: { description: 'The agent.', schema: agentSchema } },
    problems: ['agent_not_found'],
    async handler({ actor, params: { agent_id } }) {
      const { agent, revision, manages } = await agentForUse(deps, actor, agent_id)
      return { body: showAgent(agent, manages), revision }
    },
  })

const changeRoute = (deps: Deps) =>
  route({
    method: 'PATCH',
    path: '/agents/{agent_id}',
    tag,
    summary: 'Rename an agent, switch it off and on',
    description: 'Running calls end as they would. `If-Match` is honoured.',
    access: access('update'),
    params,
    body: z
      .strictObject({
        name: z.exactOptional(agentNames.name),
        active: z.exactOptional(z.boolean()),
      })
      .refine((body) => Object.keys(body).length > 0, 'name, active or both'),
    answers: { 200: { description: 'The agent now.', schema: agentSchema } },
    problems: ['agent_not_found', 'forbidden', 'precondition_failed'],
    async handler({ actor, params: { agent_id: agentId }, body, root, ifRevision }) {
      await agentForManagement(deps, actor, agentId)
      return changed(deps, await changeAgent(deps, root, { agentId, ...body, ifRevision }))
    },
  })

const publishRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/agents/{agent_id}/versions',
    tag,
    summary: 'Publish a version',
    description:
      'Versions never change. The first one gets the label `production`; what the latest one says ' +
      'already is that one (200). `If-Match` is honoured.',
    access: access('publish'),
    params,
    body: agentVersionBody,
    bodyLimit: VERSION_LIMIT,
    answers: {
      201: { description: 'Published.', schema: versionSchema },
      200: { description: 'The latest version says the same.', schema: versionSchema },
    },
    problems: [
      'agent_not_found',
      'forbidden',
      'template_invalid',
      'prompt_too_large',
      'precondition_failed',
    ],
    async handler({ actor, params: { agent_id: agentId }, body, root, ifRevision }) {
      await agentForManagement(deps, actor, agentId)
      const version = versionOf(body)
      assertGivesNothingAway(actor, version)
      const done = await publishAgentVersion(deps, root, { agentId, version, ifRevision })
      return {
        ...changed(deps, done),
        status: done.published ? 201 : 200,
        body: showVersion(done.version, true),
      }
    },
  })

const versionsRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/agents/{agent_id}/versions',
    tag,
    summary: 'Versions of an agent, newest first',
    access: access('read'),
    params,
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of versions.', schema: pageOf(versionSchema) } },
    problems: ['agent_not_found'],
    reads: true,
    async handler({ actor, params: { agent_id }, query }) {
      const { manages } = await agentForUse(deps, actor, agent_id)
      const fetch = (page: { limit: number; after?: string }) =>
        versionsOf(deps.views, agent_id, page)
      const show = async (version: ListedVersion) =>
        showListedVersion(version, manages ? await textsOf(deps, version) : undefined)
      return { body: await listPage(deps, ['versions', agent_id], query, fetch, show) }
    },
  })

async function textsOf({ sealer }: Deps, version: ListedVersion) {
  const [systemPrompt, promptTemplate] = await Promise.all([
    openText(sealer, version.systemPrompt),
    openText(sealer, version.promptTemplate),
  ])
  return { systemPrompt, promptTemplate }
}

const labelRoute = (deps: Deps) =>
  route({
    method: 'PUT',
    path: '/agents/{agent_id}/labels/{label}',
    tag,
    summary: 'Point a label at a version',
    description: 'From now on the calls of this label get that version. `If-Match` is honoured.',
    access: access('label'),
    params: params.extend({ label: labelName }),
    body: z.strictObject({ version: versionNumber }),
    answers: { 200: { description: 'The agent now.', schema: agentSchema } },
    problems: ['agent_not_found', 'forbidden', 'version_not_found', 'precondition_failed'],
    async handler({ actor, params: { agent_id: agentId, label }, body, root, ifRevision }) {
      await agentForManagement(deps, actor, agentId)
      return changed(
        deps,
        await moveAgentLabel(deps, root, { agentId, label, version: body.version, ifRevision }),
      )
    },
  })

const renderBody = z.strictObject({
  // Checked by the agent's own declarations, all problems in one answer.
  input: z.exactOptional(z.unknown().meta({ description: 'Text; required.' })),
  variables: z.exactOptional(z.record(z.string(), z.unknown())),
  label: z.exactOptional(labelName),
  version: z.exactOptional(versionNumber),
})

const renderedSchema = z.strictObject({
  agent: z.strictObject({ id: idSchema('agent'), version: versionNumber }),
  messages: z.exactOptional(
    z
      .array(z.strictObject({ role: z.enum(['system', 'user']), content: z.string() }))
      .meta({ description: 'Only for who manages the agent.' }),
  ),
  parameters: z.strictObject({
    models: z.array(z.string()).meta({ description: 'In the order in which they are tried.' }),
    temperature: z.nullable(z.number()).meta({ description: 'null: none is sent.' }),
    max_tokens: z.int(),
  }),
  prompt_tokens: z.nullable(z.int()).meta({
    description: 'Prompt tokens at most, as a call would reserve them; null: model not published.',
  }),
})

const renderRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/agents/{agent_id}/render',
    tag,
    summary: 'What a call would send, without calling a model',
    description:
      'Checks the input and the variables and says which settings apply. Writes nothing and costs ' +
      'nothing. The messages are shown to who manages the agent, also while it is switched off.',
    access: access('render', 'member'),
    params,
    body: renderBody,
    bodyLimit: RENDER_LIMIT,
    answers: { 200: { description: 'What would be sent.', schema: renderedSchema } },
    problems: [
      'agent_not_found',
      'agent_inactive',
      'label_not_found',
      'version_not_found',
      'input_required',
      'variables_invalid',
      'prompt_too_large',
      'content_erased',
    ],
    async handler({ actor, params: { agent_id }, body }) {
      const found = await agentForUse(deps, actor, agent_id)
      const { version, messages, settings, promptTokens } = await renderAgent(deps, found, body)
      const { models, temperature, maxTokens } = settings
      return {
        body: {
          agent: { id: agent_id, version: version.version },
          ...(found.manages && { messages }),
          parameters: { models, temperature: temperature ?? null, max_tokens: maxTokens },
          prompt_tokens: promptTokens ?? null,
        },
      }
    },
  })
