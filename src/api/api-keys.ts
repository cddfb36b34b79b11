/**
 * Keys for programs, by admins of the organization. A secret stands in one answer and nowhere else: not
 * in lists, not in a repeat of that answer, not in the log.
 */
import { z } from 'zod'
import type { AccessRule } from '../commands/access.ts'
import { apiKeyFor, type FoundKey } from '../commands/api-key/find-api-key.ts'
import { issueApiKey, type ShownOnce } from '../commands/api-key/issue-api-key.ts'
import { keyTermsBody, keyTermsOf } from '../commands/api-key/key-terms.ts'
import { revokeApiKey } from '../commands/api-key/revoke-api-key.ts'
import { rotateApiKey } from '../commands/api-key/rotate-api-key.ts'
import type { Deps } from '../commands/deps.ts'
import { statusOf } from '../domain/api-key/api-key.ts'
import { keyScope } from '../domain/api-key/events.ts'
import { displayOf } from '../domain/api-key/token.ts'
import { idSchema } from '../domain/ids.ts'
import { modelName } from '../domain/model/events.ts'
import { apiKeys, keysOf } from '../projections/api-keys.ts'
import { organizationOf, signedIn } from './actor.ts'
import { listPage, pageOf, pageQuery } from './pages.ts'
import { type AnyRoute, type Answer, route } from './route.ts'
import { moneyOf, moneySchema, timeSchema } from './schemas.ts'

const tag = 'keys'
const DAY_SECONDS = 86_400
const access = (action: string): AccessRule => ({
  actor: 'user',
  role: 'admin',
  resource: 'api_key',
  action,
  limits: ['request'],
})
const params = z.strictObject({ id: idSchema('apiKey') })

const count = z.exactOptional(z.int())
const keySchema = z
  .strictObject({
    id: idSchema('apiKey'),
    display: z.string().meta({ description: 'How the key begins, without its secret.' }),
    name: z.string(),
    scopes: z.array(keyScope),
    agents: z.exactOptional(z.array(idSchema('agent'))),
    models: z.exactOptional(z.array(modelName)),
    expires_at: z.nullable(timeSchema),
    limits: z.strictObject({
      requests_per_minute: count,
      tokens_per_minute: count,
      concurrent_invocations: count,
    }),
    budget: z.nullable(z.strictObject({ amount: moneySchema, per: z.enum(['day', 'month']) })),
    status: z.enum(['active', 'expired', 'revoked']),
    issued_by: idSchema('user'),
    issued_at: timeSchema,
    rotated_at: z.nullable(timeSchema),
    overlap_until: z.nullable(timeSchema).meta({
      description: 'Until when the secret before the last rotation is taken.',
    }),
    revoked_at: z.nullable(timeSchema),
    last_used_at: z.nullable(timeSchema).meta({ description: 'At most a second behind.' }),
  })
  .meta({ id: 'ApiKey' })

const issuedSchema = keySchema
  .extend({
    key: z.nullable(z.string()).meta({
      description:
        'The whole key, shown this once. null in a repeat under the same Idempotency-Key: rotate it ' +
        'where it was lost.',
    }),
  })
  .meta({ id: 'IssuedApiKey' })

export const apiKeyRoutes = (deps: Deps): AnyRoute[] => [
  listRoute(deps),
  issueRoute(deps),
  readRoute(deps),
  rotateRoute(deps),
  revokeRoute(deps),
]

function showKey({ key }: FoundKey, at: string, lastUsedAt: string | undefined) {
  const { terms, before } = key
  const { limits = {}, budget, agents, models } = terms
  return {
    id: key.keyId,
    display: displayOf(key.keyId),
    name: terms.name,
    scopes: terms.scopes,
    ...(agents && { agents }),
    ...(models && { models }),
    expires_at: terms.expiresAt ?? null,
    limits: {
      ...(limits.requestsPerMinute !== undefined && {
        requests_per_minute: limits.requestsPerMinute,
      }),
      ...(limits.tokensPerMinute !== undefined && { tokens_per_minute: limits.tokensPerMinute }),
      ...(limits.concurrentInvocations !== undefined && {
        concurrent_invocations: limits.concurrentInvocations,
      }),
    },
    budget: budget ? { amount: moneyOf(budget.amountNanos), per: budget.per } : null,
    status: statusOf(key, at),
    issued_by: key.issuedBy,
    issued_at: key.issuedAt,
    rotated_at: key.rotatedAt ?? null,
    overlap_until: before && before.until > at ? before.until : null,
    revoked_at: key.revokedAt ?? null,
    last_used_at: lastUsedAt ?? null,
  } satisfies z.output<typeof keySchema>
}

/** The key with its secret, for the only time. */
async function shownOnce(
  deps: Deps,
  orgId: string,
  { keyId, token, position }: ShownOnce,
): Promise<Answer> {
  const found = await apiKeyFor(deps, orgId, keyId)
  const record = await deps.views.get(apiKeys, keyId)
  const shown = showKey(found, deps.clock.now().toISOString(), record?.lastUsedAt)
  return { body: { ...shown, key: token ?? null }, revision: found.revision, position }
}

const listRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/api-keys',
    tag,
    summary: 'API keys of the organization, newest first',
    description: 'Revoked and expired ones, too.',
    access: access('list'),
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of keys.', schema: pageOf(keySchema) } },
    reads: true,
    async handler({ actor, query, root: { at } }) {
      const orgId = organizationOf(actor)
      const body = await listPage(
        deps,
        ['api-keys', orgId],
        query,
        (page) => keysOf(deps.views, orgId, page),
        async ({ keyId, lastUsedAt }) =>
          showKey(await apiKeyFor(deps, orgId, keyId), at, lastUsedAt),
      )
      return { body }
    },
  })

const issueRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/api-keys',
    tag,
    summary: 'Issue an API key',
    description:
      'For a program: `Authorization: Bearer daybook_…`. It acts for the organization within its ' +
      'scopes, reads only the calls that were made with it, and stays when the person who issued it ' +
      'leaves. The secret is shown in this answer alone; kept is its SHA-256. At most 1,000 are in ' +
      'use at once.',
    access: access('issue'),
    body: keyTermsBody,
    answers: { 201: { description: 'Issued.', schema: issuedSchema } },
    problems: ['agent_not_found', 'model_not_found', 'expiry_in_past', 'too_many_api_keys'],
    async handler({ actor, body, root }) {
      const orgId = organizationOf(actor)
      const { userId: issuedBy } = signedIn(actor)
      const issued = await issueApiKey(deps, root, { orgId, issuedBy, terms: keyTermsOf(body) })
      const headers = { location: `/api-keys/${issued.keyId}` }
      return { ...(await shownOnce(deps, orgId, issued)), status: 201, headers }
    },
  })

const readRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/api-keys/{id}',
    tag,
    summary: 'One API key, without its secret',
    access: access('read'),
    params,
    answers: { 200: { description: 'The key.', schema: keySchema } },
    problems: ['api_key_not_found'],
    reads: true,
    async handler({ actor, params: { id }, root: { at } }) {
      const found = await apiKeyFor(deps, organizationOf(actor), id)
      const record = await deps.views.get(apiKeys, id)
      return { body: showKey(found, at, record?.lastUsedAt), revision: found.revision }
    },
  })

const rotateRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/api-keys/{id}/rotate',
    tag,
    summary: 'Give an API key another secret',
    description:
      'The secret before works until the end of the overlap, so that programs can be changed one ' +
      'after the other; the one before that no longer. `If-Match` is honoured.',
    access: access('rotate'),
    params,
    body: z.strictObject({
      overlap_seconds: z
        .int()
        .min(0)
        .max(7 * DAY_SECONDS)
        .default(DAY_SECONDS)
        .meta({ description: '0: the secret before is refused at once.' }),
    }),
    bodyOptional: true,
    answers: { 200: { description: 'The key with its new secret.', schema: issuedSchema } },
    problems: ['api_key_not_found', 'api_key_ended', 'precondition_failed'],
    async handler({ actor, params: { id: keyId }, body, root, ifRevision }) {
      const orgId = organizationOf(actor)
      const { overlap_seconds: overlapSeconds } = body
      const rotated = await rotateApiKey(deps, root, { orgId, keyId, overlapSeconds, ifRevision })
      return shownOnce(deps, orgId, rotated)
    },
  })

const revokeRoute = (deps: Deps) =>
  route({
    method: 'DELETE',
    path: '/api-keys/{id}',
    tag,
    summary: 'Revoke an API key',
    description:
      'It is refused from the next request on, everywhere within a second. Calls that run end as ' +
      'they would. `If-Match` is honoured.',
    access: access('revoke'),
    params,
    answers: { 204: { description: 'Revoked, for ever.' } },
    problems: ['api_key_not_found', 'precondition_failed'],
    async handler({ actor, params: { id: keyId }, root, ifRevision }) {
      const orgId = organizationOf(actor)
      const { userId: by } = signedIn(actor)
      return revokeApiKey(deps, root, { orgId, keyId, by, ifRevision })
    },
  })
