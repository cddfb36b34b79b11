/**
 * The HTTP front door: registers the declared routes on Fastify, in one order for all: authenticate,
 * access, input, handler. Every error leaves through errors.ts. Nothing here knows a rule of the domain.
 */
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import {
  type AccessRule,
  type Actor,
  authorize,
  END_UNSEEN_MS,
  needsEndOfLog,
} from '../commands/access.ts'
import { admitRequest } from '../commands/admission/admit-request.ts'
import { type DenialRecorder, isDenial } from '../commands/denial/record-denials.ts'
import { Refusal } from '../domain/refusal.ts'
import { messagesFor, localeFrom } from '../messages/index.ts'
import type { Logger } from '../ports/logger.ts'
import { Unavailable } from '../ports/unavailable.ts'
import { authenticate, type AuthenticateDeps } from './authenticate.ts'
import { assertDeclared } from './declared.ts'
import { Problem, problemBody, problemOf, statusOf } from './errors.ts'
import { callOf, type InputDeps, send } from './exchange.ts'
import { parseForm } from './form.ts'
import { parseJson } from './json.ts'
import { rateHeaders, rateOfRefusal } from './rate-headers.ts'
import type { AnyRoute, RefusalPage } from './route.ts'
import { isFinal, isOpenAiPath, openAiError, openAiStatus } from './v1/errors.ts'

const DEFAULT_BODY_LIMIT = 64 * 1024

/** What is told of every request when its answer has been given: for usage records, metrics, logs. */
export interface Served {
  readonly requestId: string
  readonly route: string
  readonly method: string
  readonly status: number
  readonly latencyMs: number
  readonly actor: Actor | undefined
  readonly at: Date
}

export interface ServerDeps extends AuthenticateDeps, InputDeps {
  readonly routes: readonly AnyRoute[]
  readonly logger: Logger
  readonly onServed: (served: Served) => void
  readonly denials: Pick<DenialRecorder, 'record'>
  /** Milliseconds since this process was last sure to have seen the end of the log. */
  readonly unseenMs: () => number
  readonly corsOrigins: readonly string[]
  readonly trustProxy: readonly string[]
  /** Aborts when new requests are to be refused. */
  readonly stopping: AbortSignal
}

declare module 'fastify' {
  interface FastifyRequest {
    actor: Actor | undefined
    startedAt: number
    /** Its own limits have counted it. */
    decided: boolean
  }
  interface FastifyContextConfig {
    /** As the route is declared and documented: `/agents/{agent_id}/invoke`. */
    readonly path?: string
    readonly access?: AccessRule
    readonly refusalPage?: RefusalPage
  }
}

const patternOf = (request: FastifyRequest): string =>
  request.routeOptions.config.path ?? '(unknown)'

export async function createServer(deps: ServerDeps): Promise<FastifyInstance> {
  assertDeclared(deps.routes)
  const app = Fastify({
    logger: false,
    bodyLimit: DEFAULT_BODY_LIMIT,
    requestTimeout: 30_000,
    connectionTimeout: 0,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    // What comes while it closes is refused by the hook below, as a problem like any other.
    return503OnClosing: false,
    trustProxy: deps.trustProxy.length > 0 ? [...deps.trustProxy] : false,
    genReqId: (request) => requestIdOf(request.headers['x-request-id'], deps.ids.random()),
    routerOptions: { maxParamLength: 256, ignoreTrailingSlash: false },
    exposeHeadRoutes: false,
    clientErrorHandler(error, socket) {
      // Bytes that are no HTTP request: there is no request to answer properly.
      if (socket.writable && (error as NodeJS.ErrnoException).code !== 'ECONNRESET')
        socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    },
    frameworkErrors(_error, request, reply) {
      // An address that cannot be read, or a part of it is too long: before any route and any hook.
      commonHeaders(request, reply)
      const issue = { path: 'path', message: 'is not an address of this API' }
      void fail(deps, new Problem('invalid_input', {}, [issue]), request, reply)
    },
  })
  app.decorateRequest('actor', undefined)
  app.decorateRequest('startedAt', 0)
  app.decorateRequest('decided', false)
  if (deps.corsOrigins.length > 0) await app.register(cors, corsOptions(deps.corsOrigins))
  // For the refresh token and the state of a Telegram sign-in: no other request's cookies are ever read.
  await app.register(cookie, { hook: false })
  parsers(app)
  hooks(app, deps)
  app.setErrorHandler((error, request, reply) => fail(deps, error, request, reply))
  const json = deps.routes.filter(({ takes, rawBody }) => takes === undefined && !rawBody)
  for (const one of json) register(app, deps, one)
  // A context of its own: no other route reads what a form on somebody else's page can send.
  await app.register(async (forms) => {
    formParser(forms)
    for (const one of deps.routes) if (one.takes === 'form') register(forms, deps, one)
  })
  await app.register(async (signed) => {
    bytesParser(signed)
    for (const one of deps.routes) if (one.rawBody) register(signed, deps, one)
  })
  app.setNotFoundHandler((request, reply) => {
    const methods = deps.routes.filter((one) => matches(one, request.url)).map((one) => one.method)
    if (methods.length > 0) reply.header('allow', methods.join(', '))
    const code = methods.length > 0 ? 'method_not_allowed' : 'route_not_found'
    return fail(deps, new Problem(code), request, reply)
  })
  return app
}

/** What OpenAI's library for JavaScript sends of itself, also from a browser. */
const OPENAI_HEADERS = [
  'arch',
  'lang',
  'os',
  'package-version',
  'retry-count',
  'runtime',
  'runtime-version',
  'timeout',
].map((name) => `x-stainless-${name}`)

const corsOptions = (origins: readonly string[]) => ({
  origin: [...origins],
  credentials: true,
  maxAge: 600,
  methods: ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'],
  allowedHeaders: [
    'authorization',
    'content-type',
    'accept-language',
    'idempotency-key',
    'if-match',
    'last-event-id',
    'prefer',
    'x-organization-id',
    'x-request-id',
    ...OPENAI_HEADERS,
  ],
  exposedHeaders: [
    'etag',
    'location',
    'ratelimit',
    'ratelimit-policy',
    'retry-after',
    'x-daybook-dropped',
    'x-daybook-invocation-id',
    'x-position',
    'x-request-id',
    'x-should-retry',
  ],
})

/** A client's own request id is taken when it is harmless; logs and answers carry it. */
const requestIdOf = (given: unknown, fresh: string): string =>
  typeof given === 'string' && /^[\w-]{8,64}$/.test(given) ? given : fresh

function parsers(app: FastifyInstance) {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      if (body.length === 0) return done(null, undefined)
      const text = new TextDecoder('utf-8', { fatal: true }).decode(body as Buffer)
      return done(null, parseJson(text))
    } catch (error) {
      if (error instanceof Problem) return done(error)
      return done(new Problem('malformed_body', {}, [{ path: 'body', message: 'is not UTF-8' }]))
    }
  })
}

function formParser(app: FastifyInstance) {
  app.removeAllContentTypeParsers()
  const type = 'application/x-www-form-urlencoded'
  app.addContentTypeParser(type, { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      return done(null, parseForm(body as Buffer))
    } catch (error) {
      return done(error as Problem)
    }
  })
}

/** What is signed is handed on byte for byte. Nothing is unpacked: a packed body may grow without end. */
function bytesParser(app: FastifyInstance) {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const packed = (request.headers['content-encoding'] ?? 'identity') !== 'identity'
    return packed ? done(new Problem('unsupported_media_type')) : done(null, body)
  })
}

function commonHeaders(request: FastifyRequest, reply: FastifyReply) {
  reply.header('x-request-id', request.id)
  reply.header('x-content-type-options', 'nosniff')
  reply.header('cache-control', 'no-store')
}

function hooks(app: FastifyInstance, deps: ServerDeps) {
  app.addHook('onRequest', async (request, reply) => {
    request.startedAt = performance.now()
    commonHeaders(request, reply)
    if (deps.stopping.aborted) {
      reply.header('connection', 'close')
      throw new Problem('stopping')
    }
  })
  app.addHook('onResponse', async (request, reply) => {
    deps.onServed({
      requestId: request.id,
      route: patternOf(request),
      method: request.method,
      status: reply.statusCode,
      latencyMs: Math.round(performance.now() - request.startedAt),
      actor: request.actor,
      at: deps.clock.now(),
    })
  })
}

function register(app: FastifyInstance, deps: ServerDeps, one: AnyRoute) {
  app.route({
    method: one.method,
    url: one.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: {
      path: one.path,
      access: one.access,
      ...(one.refusalPage && { refusalPage: one.refusalPage }),
    },
    bodyLimit: one.bodyLimit ?? DEFAULT_BODY_LIMIT,
    onRequest: async (request) => {
      // Before the body is read: a stranger's megabytes are never parsed.
      request.actor = await authenticate(deps, request, one.access)
      // After it is known who asks: what they may not do is recorded as theirs.
      authorize(request.actor, one.access)
      if (needsEndOfLog(one.access, one.method !== 'GET') && deps.unseenMs() > END_UNSEEN_MS)
        throw new Unavailable('event log', new Error('its end is not seen'))
    },
    handler: async (request, reply) => {
      const call = await callOf(deps, one, request, reply)
      const answer = await one.handler(call as never)
      if (!answer.sent) await send(reply, answer)
      return reply
    },
  })
}

/** Who was refused what by which rule is written down. */
function denied(deps: ServerDeps, refusal: Refusal, request: FastifyRequest) {
  const { access } = request.routeOptions.config
  if (!access || !isDenial(refusal)) return
  const { method, actor } = request
  const route = patternOf(request)
  deps.denials.record({ refusal, route, method, access, actor, at: deps.clock.now() })
}

/** What is refused before its own limits are known: bad tokens, unreadable bodies, unknown addresses. */
const UNDECIDED: AccessRule = {
  actor: 'anyone',
  resource: 'request',
  action: 'refuse',
  limits: ['request'],
}

/** Such a request counts like any other, so that nobody tries tokens without end. */
async function counted(
  deps: ServerDeps,
  error: unknown,
  request: FastifyRequest,
): Promise<unknown> {
  const problem = problemOf(error)
  if (request.decided || !problem || statusOf[problem.code] >= 500) return error
  const actor = request.actor ?? { kind: 'anonymous' as const, locale: 'en' }
  const { id: requestId, ip } = request
  try {
    await admitRequest(deps, { requestId, actor, access: UNDECIDED, ip })
    return error
  } catch (refusal) {
    return refusal instanceof Refusal && refusal.code === 'rate_limited' ? refusal : error
  }
}

async function fail(
  deps: ServerDeps,
  refused: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  const error = await counted(deps, refused, request)
  const problem = problemOf(error) ?? new Problem('internal')
  if (problem.code === 'internal' || problem.code === 'unavailable')
    deps.logger.error(
      { requestId: request.id, route: patternOf(request), code: problem.code, error },
      'request failed',
    )
  if (error instanceof Refusal) denied(deps, error, request)
  const locale = request.actor?.locale ?? localeFrom(request.headers['accept-language'])
  const messages = messagesFor(locale)
  const retryAfterMs = (problem as { retryAfterMs?: number }).retryAfterMs
  const page = request.routeOptions.config.refusalPage?.(problem, request, messages)
  const openAi = isOpenAiPath(request.url)
  const status = statusOf[problem.code]
  reply.code(openAi ? openAiStatus(status) : status)
  const type = openAi ? 'application/json' : 'application/problem+json'
  reply.header('content-type', `${type}; charset=utf-8`)
  reply.header('content-language', messages.locale)
  if (reply.statusCode === 503 || reply.statusCode === 429)
    reply.header('retry-after', String(Math.ceil((retryAfterMs ?? 1_000) / 1_000)))
  const rate = problem.code === 'rate_limited' ? rateOfRefusal(problem.facts) : undefined
  if (rate) reply.headers(rateHeaders(rate))
  if (reply.statusCode === 401) reply.header('www-authenticate', 'Bearer error="invalid_token"')
  if (page) return send(reply, { ...page, status })
  if (openAi && isFinal(problem.code, status)) reply.header('x-should-retry', 'false')
  const body = openAi ? openAiError : problemBody
  await reply.send(JSON.stringify(body(problem, messages, request.id)))
}

/** Whether a route of another method has this path. */
function matches(one: AnyRoute, url: string): boolean {
  const path = url.split('?', 1)[0] ?? ''
  const pattern = one.path.replaceAll(/[.]/g, '\\.').replaceAll(/\{\w+\}/g, '[^/]+')
  return new RegExp(`^${pattern}$`).test(path)
}
