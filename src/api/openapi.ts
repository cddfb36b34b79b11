/**
 * The OpenAPI 3.1 document, from the routes and their zod schemas alone. `npm run docs` writes it to
 * docs/openapi.json, which is served as it is; CI fails when the two differ.
 */
import { z } from 'zod'
import type { ProblemCode } from '../messages/messages.ts'
import { en } from '../messages/en.ts'
import { statusOf } from './errors.ts'
import type { AnyRoute } from './route.ts'
import { isOpenAiPath, openAiCode, openAiErrorSchema, openAiStatus } from './v1/errors.ts'

type Json = Record<string, unknown>

/** What every route may answer besides its own: by who may use it and what it takes. */
function commonProblems(one: AnyRoute): ProblemCode[] {
  const codes: ProblemCode[] = ['invalid_input', 'stopping', 'unavailable']
  // A body that nobody asked for is read, too, before it is refused.
  if (one.method !== 'GET')
    codes.push(
      'malformed_body',
      'unsupported_media_type',
      'body_too_large',
      'idempotency_key_reused',
    )
  if (one.reads) codes.push('view_behind')
  if (one.access.limits.length > 0) codes.push('policy_denied', 'rate_limited')
  if (one.access.actor === 'anyone') return codes
  codes.push('unauthenticated', 'session_ended', 'user_deactivated')
  if (one.access.scope !== undefined) codes.push('api_key_revoked', 'api_key_expired', 'forbidden')
  if (one.access.role !== undefined)
    codes.push('organization_required', 'organization_not_found', 'forbidden')
  if (one.access.actor === 'administrator') codes.push('forbidden')
  return codes
}

const ABOUT = [
  'Sells access to LLM agents: accounts, plans, prepaid credit, agents, invocations, exact ' +
    'usage and cost.',
  'Send `Authorization: Bearer …` with the access token of `POST /auth/login`, and ' +
    '`X-Organization-Id` where you belong to more than one organization. An organization that ' +
    'you do not belong to answers as one that does not exist.',
  'Programs send a key of `POST /api-keys` instead, where the route names a scope (`x-access`). A ' +
    'key has its own organization and sees only what was made with it.',
  'Each request is decided by policies and counted by limits: `RateLimit-Policy` and `RateLimit` say ' +
    'how the tightest of them stands, 429 with `Retry-After` when it is used up.',
  'Bodies are JSON without unknown fields. Amounts are decimal strings with their currency, ' +
    'times are UTC. Lists have `limit` (at most 100) and `cursor`.',
  'A mutation takes an `Idempotency-Key`: the same key and body again, in parallel or years ' +
    'later, is one effect with one answer; another body under it is refused. `ETag` is the ' +
    'revision, and `If-Match` is honoured.',
  'Every answer has `X-Request-Id`; that of a command has `X-Position`, and a list with ' +
    '`?after=` that position includes it. Errors are problem documents (RFC 9457): look at ' +
    '`code`, show `title` and `detail`, which are in the language of the person.',
].join('\n\n')

export function openApiDocument(routes: readonly AnyRoute[], version: string): Json {
  const schemas: Json = { Problem: problemSchema, OpenAiError: openAiErrorSchema }
  const paths: Record<string, Json> = {}
  for (const one of routes) {
    const path = (paths[one.path] ??= {})
    path[one.method.toLowerCase()] = operation(one, schemas)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Daybook',
      version,
      description: ABOUT,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [...new Set(routes.map((one) => one.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'daybook_…',
          description: 'A key of `POST /api-keys`; `x-access.scope` names what it needs.',
        },
      },
    },
  }
}

function operation(one: AnyRoute, schemas: Json): Json {
  return {
    operationId: operationId(one),
    tags: [one.tag],
    summary: one.summary,
    ...(one.description === undefined ? {} : { description: one.description }),
    ...securityOf(one),
    'x-access': one.access,
    parameters: [
      ...parametersOf(one.params, 'path', schemas),
      ...parametersOf(one.query, 'query', schemas),
      ...headersOf(one),
    ],
    ...requestBodyOf(one, schemas),
    responses: responsesOf(one, schemas),
  }
}

function requestBodyOf(one: AnyRoute, schemas: Json): Json {
  const body = one.body ?? one.rawBody
  if (!body) return {}
  const schema = jsonSchema(body, 'input', schemas)
  const required = one.bodyOptional !== true
  const type = one.takes === 'form' ? 'application/x-www-form-urlencoded' : 'application/json'
  return { requestBody: { required, content: { [type]: { schema } } } }
}

/** A person, or where the route names a scope also a key. */
const securityOf = ({ access }: AnyRoute): Json => {
  if (access.actor === 'anyone') return {}
  return {
    security: [{ bearer: [] }, ...(access.scope === undefined ? [] : [{ apiKey: [] }])],
  }
}

/** `POST /agents/{agent_id}/invoke` → `postAgentsByAgentIdInvoke`. */
const operationId = (one: AnyRoute): string =>
  one.method.toLowerCase() +
  one.path
    .split('/')
    .filter(Boolean)
    .map((part) => part.replace(/^\{(.+)\}$/, 'by_$1'))
    .flatMap((part) => part.split(/[^a-zA-Z0-9]+/))
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('')

function parametersOf(
  schema: z.ZodType | undefined,
  where: 'path' | 'query',
  schemas: Json,
): Json[] {
  if (!(schema instanceof z.ZodObject)) return []
  const json = jsonSchema(schema, 'input', schemas) as {
    properties?: Record<string, Json>
    required?: string[]
  }
  return Object.entries(json.properties ?? {}).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || (json.required ?? []).includes(name),
    ...(property['description'] === undefined ? {} : { description: property['description'] }),
    schema: property,
  }))
}

const header = (name: string, description: string): Json => ({
  name,
  in: 'header',
  required: false,
  description,
  schema: { type: 'string' },
})

function headersOf(one: AnyRoute): Json[] {
  const headers: Json[] = []
  if (one.method !== 'GET')
    headers.push(
      header(
        'Idempotency-Key',
        'The same key with the same request again has one effect, for ever.',
      ),
    )
  if (one.access.role !== undefined)
    headers.push(header('X-Organization-Id', "The organization, where it is not the session's."))
  if (one.reads)
    headers.push({
      ...header('after', 'Wait (up to 2 s) until the answer reflects this position.'),
      in: 'query',
    })
  return headers
}

/** How problems look, here and at OpenAI's door. */
const inOurs = {
  statusFor: (code: ProblemCode): number => statusOf[code],
  said: (code: ProblemCode): string => code,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
}
const inOpenAis = {
  statusFor: (code: ProblemCode): number => openAiStatus(statusOf[code]),
  said: openAiCode,
  content: { 'application/json': { schema: { $ref: '#/components/schemas/OpenAiError' } } },
}

/** A page tells a person. */
const onPages = {
  ...inOurs,
  content: { 'text/html': { schema: { type: 'string' } } },
}

function responsesOf(one: AnyRoute, schemas: Json): Json {
  const responses: Record<string, Json> = {}
  for (const [status, answer] of Object.entries(one.answers))
    responses[status] = {
      description: answer.description,
      ...(answer.schema || answer.contentType
        ? {
            content: {
              [answer.contentType ?? 'application/json']: {
                schema: answer.schema
                  ? jsonSchema(answer.schema, 'output', schemas)
                  : { type: 'string' },
              },
            },
          }
        : {}),
    }
  const codes = [...new Set([...commonProblems(one), ...(one.problems ?? [])])]
  const ours = one.refusalPage ? onPages : inOurs
  const { statusFor, said, content } = isOpenAiPath(one.path) ? inOpenAis : ours
  for (const status of [...new Set(codes.map(statusFor))].sort((a, b) => a - b)) {
    const ofStatus = codes.filter((code) => statusFor(code) === status).sort()
    responses[String(status)] = {
      description: ofStatus
        .map((code) => `\`${said(code)}\` ${en.problems[code].title}`)
        .join('\n\n'),
      content,
    }
  }
  return responses
}

/** Named schemas (`meta({ id })`) become components; the rest stays where it is used. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  const {
    $defs,
    $schema: _dialect,
    ...json
  } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema: one }) => {
      delete one['dataClass']
      delete one['subject']
    },
  }) as Json & { $defs?: Record<string, Json> }
  const moved = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'))
  for (const [name, definition] of Object.entries($defs ?? {})) schemas[name] ??= moved(definition)
  const id = json['id']
  if (typeof id !== 'string') return moved(json) as Json
  schemas[id] ??= moved(json)
  return { $ref: `#/components/schemas/${id}` }
}

const problemSchema: Json = {
  type: 'object',
  description: 'RFC 9457 problem details',
  required: ['type', 'code', 'title', 'status', 'detail', 'request_id'],
  properties: {
    type: { type: 'string' },
    code: { type: 'string', description: 'Stable; what a program looks at.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'In the language of the person.' },
    facts: { type: 'object', description: 'What the text is made of.' },
    errors: {
      type: 'array',
      description: 'Where the request was wrong.',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: { path: { type: 'string' }, message: { type: 'string' } },
      },
    },
    'violated-policies': {
      type: 'array',
      items: { type: 'string' },
      description: 'Of a limit: its name in the RateLimit headers.',
    },
    request_id: { type: 'string' },
  },
}
