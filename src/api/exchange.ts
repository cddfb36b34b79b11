/**
 * From a request to a checked call, and from an answer to bytes. Every problem of the input is named
 * with its path; nothing is coerced, unknown properties are refused.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { type Actor, actorRef } from '../commands/access.ts'
import { admitRequest } from '../commands/admission/admit-request.ts'
import type { CountersOrOwn } from '../commands/admission/counters-or-own.ts'
import type { Rate } from '../commands/admission/limiter.ts'
import { originOf } from '../commands/admission/origin.ts'
import { NAMESPACE, type Root } from '../commands/context.ts'
import type { Streams } from '../commands/streams.ts'
import { messagesFor } from '../messages/index.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Sealer } from '../ports/sealer.ts'
import type { Views } from '../projections/views.ts'
import { type FieldIssue, Problem } from './errors.ts'
import { checkText } from './json.ts'
import { rateHeaders } from './rate-headers.ts'
import type { Answer, AnyRoute, Call } from './route.ts'

/** A query waits this long for what this process wrote before it came, and for an explicit `after`. */
const OWN_WRITES_MS = 500
const EXPLICIT_MS = 2_000
const NOTHING = new Uint8Array()

export interface InputDeps {
  readonly ids: Ids
  readonly sealer: Pick<Sealer, 'hmac'>
  readonly clock: Clock
  readonly streams: Streams
  readonly views: Views
  readonly limits: CountersOrOwn
  /** Aborts when the time of a stop is over: what is still being sent is broken off. */
  readonly breakingOff: AbortSignal
}

export async function callOf(
  deps: InputDeps,
  one: AnyRoute,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Call<unknown, unknown, unknown>> {
  const actor = request.actor ?? { kind: 'anonymous', locale: 'en' }
  const issues: FieldIssue[] = []
  let signal: AbortSignal | undefined
  const { after, ...queryOfRoute } = request.query as Record<string, unknown>
  const params = parse(one.params, checked(request.params, 'path'), 'path', issues, actor.locale)
  const query = parse(
    one.query,
    checked(queryFor(one, request, queryOfRoute), 'query'),
    'query',
    issues,
    actor.locale,
  )
  const bytes = one.rawBody && request.body instanceof Uint8Array ? request.body : NOTHING
  const sent = one.rawBody ? undefined : request.body
  const given = sent === undefined && one.bodyOptional ? {} : sent
  if (one.body && given === undefined)
    issues.push({ path: 'body', message: 'a JSON body is required' })
  const body =
    one.body && given !== undefined
      ? parse(one.body, given, 'body', issues, actor.locale)
      : undefined
  if (!one.body && !isNothing(given)) issues.push({ path: 'body', message: 'must be empty' })
  if (issues.length > 0) throw new Problem('invalid_input', {}, issues)
  const showRate = (rate: Rate) => void reply.headers(rateHeaders(rate))
  request.decided = true
  const rate = await admitRequest(deps, {
    requestId: request.id,
    actor,
    access: one.access,
    ip: request.ip,
    address: one.principal?.(body as never),
  })
  if (rate) showRate(rate)
  if (one.reads) await waitForViews(deps, after, reply)
  return {
    params,
    query,
    body,
    bytes,
    actor,
    root: rootOf(deps, one, request, body),
    messages: messagesFor(actor.locale),
    // Made only for handlers that ask: most have answered before anybody could leave.
    get signal() {
      signal ??= signalOf(deps, request, reply)
      return signal
    },
    request,
    reply,
    ifRevision: ifMatch(request),
    ip: request.ip,
    get door() {
      return { origin: originOf(deps.sealer, request.ip), onRate: showRate }
    },
  }
}

/** Clients that always send JSON send `{}` where nothing is wanted. */
const isNothing = (given: unknown): boolean =>
  given === undefined ||
  (typeof given === 'object' &&
    given !== null &&
    !Array.isArray(given) &&
    Object.keys(given).length === 0)

/** `after` belongs to every route that reads views; elsewhere it is an unknown parameter. */
const queryFor = (one: AnyRoute, request: FastifyRequest, rest: Record<string, unknown>): unknown =>
  one.reads ? rest : request.query

function checked(record: unknown, path: string): unknown {
  for (const [name, value] of Object.entries(record ?? {})) {
    checkText(name, path)
    if (typeof value === 'string') checkText(value, `${path}.${name}`)
  }
  return { ...(record as object) }
}

function parse(
  schema: z.ZodType | undefined,
  value: unknown,
  where: string,
  issues: FieldIssue[],
  locale: string,
): unknown {
  if (!schema) {
    if (where === 'query')
      for (const name of Object.keys(value as object))
        issues.push({ path: `query.${name.slice(0, 64)}`, message: 'unknown parameter' })
    return where === 'body' ? undefined : {}
  }
  const parsed = schema.safeParse(value, { error: inLanguage(locale) })
  if (parsed.success) return parsed.data
  for (const issue of parsed.error.issues.slice(0, 20))
    issues.push({
      path: [where, ...issue.path.map(String)].join('.').slice(0, 300),
      message: issue.message.slice(0, 300),
    })
  return undefined
}

/** What a schema says by itself comes from zod's own texts in the language; ours from messages/. */
function inLanguage(locale: string) {
  const known = Object.hasOwn(z.locales, locale) ? locale : 'en'
  let said = saidBySchemas.get(known)
  if (!said) saidBySchemas.set(known, (said = z.locales[known as 'en']().localeError))
  return said
}
/** Made once for each language. */
const saidBySchemas = new Map<string, ReturnType<typeof z.locales.en>['localeError']>()

async function waitForViews(deps: InputDeps, after: unknown, reply: FastifyReply): Promise<void> {
  if (after === undefined) await deps.views.passed(deps.streams.lastWritten(), OWN_WRITES_MS)
  else {
    if (typeof after !== 'string' || !/^-?\d{1,19}$/.test(after))
      throw new Problem('invalid_input', {}, [
        { path: 'query.after', message: 'a position, as X-Position of an answer gave it' },
      ])
    if (!(await deps.views.passed(BigInt(after), EXPLICIT_MS))) throw new Problem('view_behind')
  }
  reply.header('x-position', deps.views.position().toString())
}

const KEY = /^[\x21-\x7e]{1,255}$/

function rootOf(deps: InputDeps, one: AnyRoute, request: FastifyRequest, body: unknown): Root {
  const actor = request.actor ?? { kind: 'anonymous' as const, locale: 'en' }
  const key = one.method === 'GET' ? undefined : request.headers['idempotency-key']
  const at = deps.clock.now().toISOString()
  const traceparent = request.headers['traceparent']
  const base = {
    actor: actorRef(actor),
    at,
    correlationId: request.id,
    ...(actor.kind !== 'anonymous' && actor.orgId !== undefined ? { orgId: actor.orgId } : {}),
    ...(typeof traceparent === 'string' && /^[\da-f-]{55}$/.test(traceparent)
      ? { traceparent }
      : {}),
  }
  if (key === undefined) {
    const id = deps.ids.random()
    return { ...base, id, causationId: id }
  }
  if (typeof key !== 'string' || !KEY.test(key))
    throw new Problem('invalid_input', {}, [
      { path: 'header.idempotency-key', message: '1 to 255 visible ASCII characters' },
    ])
  const principal = principalOf(actor) ?? one.principal?.(body as never) ?? ''
  const id = deps.ids.derive(NAMESPACE, JSON.stringify([principal, one.method, one.path, key]))
  // Two requests are the same wish when path, query, organization and body are the same. Keyed, since it
  // stays in the log: nobody who reads there can try passwords or prompts against it.
  const wish = JSON.stringify([request.url, base.orgId ?? null, body ?? null])
  const digest = deps.sealer.hmac('request', wish)
  return { ...base, id, causationId: id, digest }
}

function principalOf(actor: Actor): string | undefined {
  if (actor.kind === 'anonymous') return undefined
  return actor.kind === 'user' ? actor.userId : actor.keyId
}

function signalOf(deps: InputDeps, request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const left = new AbortController()
  const { socket } = request.raw
  const onClose = () => {
    if (!reply.raw.writableFinished) left.abort()
  }
  socket.once('close', onClose)
  reply.raw.once('finish', () => socket.off('close', onClose))
  return AbortSignal.any([left.signal, deps.breakingOff])
}

function ifMatch(request: FastifyRequest): number | undefined {
  const header = request.headers['if-match']
  if (header === undefined) return undefined
  const match = /^"(\d{1,15})"$/.exec(header)
  if (!match)
    throw new Problem('invalid_input', {}, [
      { path: 'header.if-match', message: 'one ETag of this resource, as "7"' },
    ])
  return Number(match[1])
}

export async function send(reply: FastifyReply, answer: Answer): Promise<void> {
  for (const [name, value] of Object.entries(answer.headers ?? {})) reply.header(name, value)
  if (answer.position !== undefined) reply.header('x-position', answer.position.toString())
  if (answer.revision !== undefined) reply.header('etag', `"${answer.revision}"`)
  if (answer.body === undefined) {
    reply.code(answer.status ?? 204)
    await reply.send()
    return
  }
  reply.code(answer.status ?? 200)
  if (typeof answer.body === 'string') {
    await reply.send(answer.body)
    return
  }
  reply.header('content-type', 'application/json; charset=utf-8')
  await reply.send(JSON.stringify(answer.body))
}
