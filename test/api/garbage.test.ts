// Whatever is sent to any route: no 500, a problem document that fits the OpenAPI document, and nothing written by a request that was refused.
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApiDocument } from '../../src/api/openapi.ts'
import type { AnyRoute } from '../../src/api/route.ts'
import { SPEND_CEILING } from '../../src/domain/policy/defaults.ts'
import type { TestApp } from '../support/app.ts'
import { logOf, quiet } from '../support/crash-data.ts'
import { fund, invoke } from '../support/funded.ts'
import { garbageFor, type GarbageRequest, type Known } from '../support/garbage.ts'
import {
  openPaddleShop,
  type PaddleShop,
  type PaddleTest,
  startPaddleTest,
} from '../support/paddle.ts'
import { signIn, signInMember } from '../support/seed.ts'
import { TELEGRAM } from '../support/telegram-login.ts'
import { everyRoute, nameOf } from '../support/whole-api.ts'

/** For each route, of which there are more than a hundred. */
const RUNS = 20
/** What a refused request may leave all the same. */
const MAY_FOLLOW_A_REFUSAL = new Set([
  'UsageRecorded',
  'SessionRevoked',
  'RegistrationAttempted',
  'AccessDenied',
  'EmailClaimed',
  'EmailReleased',
  'SlugClaimed',
  'SlugReleased',
])

/** Beside a provider: what is to be paid comes so far. */
let it: PaddleTest
let shop: PaddleShop
let app: TestApp
let declared: Record<string, Record<string, { responses: Record<string, unknown> }>>
const unhandled: unknown[] = []
const onUnhandled = (reason: unknown) => void unhandled.push(reason)

beforeAll(async () => {
  process.on('unhandledRejection', onUnhandled)
  it = await startPaddleTest(TELEGRAM)
  app = it.app
  shop = await openPaddleShop(app)
  declared = openApiDocument(everyRoute(app.app), '0')['paths'] as typeof declared
}, 30_000)
afterAll(async () => {
  process.off('unhandledRejection', onUnhandled)
  await it.stop()
}, 30_000)

/** People and things of this route alone: some of what is sent is good, and changes them. */
async function known(): Promise<Known> {
  const [owner, stranger] = [await fund(app), await fund(app)]
  const administrator = await signIn(app, { administrator: true })
  const [member, victim] = [
    await signInMember(app, owner.orgId, 'member'),
    await signInMember(app, owner.orgId, 'auditor'),
  ]
  const call = await invoke(app, owner)
  const none = '0123456789abcdefghjkmnpqrs'
  const made = async (path: string, body: unknown) => {
    const { token } = owner
    return (await app.request<{ id: string }>(`POST ${path}`, { token, body })).body.id
  }
  const keys = [await made('/api-keys', { name: 'K', scopes: ['invoke'] }), `key_${none}`]
  const { free, team } = shop.plans
  await made('/billing/subscribe', { plan_id: free })
  const rule = { kind: 'resource_access', name: 'P', effect: 'deny', models: ['none'] }
  const policies = [await made('/policies', rule), SPEND_CEILING, `pol_${none}`]
  const orgs = [owner.orgId, stranger.orgId, `org_${none}`]
  const agents = [owner.agentId, stranger.agentId, `agt_${none}`]
  const invocations = [call.body.invocation_id, `inv_${none}`]
  return {
    tokens: [owner, owner, administrator, member, stranger].map(({ token }) => token),
    orgs,
    ids: {
      agent_id: agents,
      plan_id: [free, team],
      label: ['production', 'canary'],
      user_id: [victim.userId, stranger.userId, `usr_${none}`],
      org_id: orgs,
      invitation_id: [`ivt_${none}`],
      '/invocations/{id} id': invocations,
      '/invocations/{id}/events id': invocations,
      '/invocations/{id}/cancel id': invocations,
      '/admin/invocations/{id}/adjust id': invocations,
      '/admin/users/{id}/deactivate id': [victim.userId, `usr_${none}`],
      '/admin/users/{id}/activate id': [victim.userId, `usr_${none}`],
      '/api-keys/{id} id': keys,
      '/api-keys/{id}/rotate id': keys,
      '/policies/{id} id': policies,
      '/admin/policies/{id} id': [SPEND_CEILING, `pol_${none}`],
      '/admin/paddle-events/{id} id': ['evt_none'],
      '/admin/paddle-events/{id}/replay id': ['evt_none'],
      '/admin/paddle-events/{id}/dismiss id': ['evt_none'],
      '/me/sessions/{id} id': [victim.sessionId, `ses_${none}`],
      id: orgs,
    },
  }
}

async function probe(
  request: GarbageRequest,
  { path, refusalPage }: AnyRoute,
): Promise<{ status: number; refused?: string }> {
  const { method, url, headers, payload } = request
  const response = await app.app.server.inject({
    method: method as 'GET',
    url,
    headers,
    ...(payload === undefined ? {} : { payload }),
  })
  const { statusCode: status } = response
  expect(status, response.body).toSatisfy((one: number) => one < 500 || one === 503)
  if (status < 400) return { status }
  if (refusalPage && isPage(response)) {
    // For a person, in words; its status is as declared.
    expect(response.body).toMatch(/<h1>[^<]+<\/h1>/)
    expect(Object.keys(declared[path]?.[method.toLowerCase()]?.responses ?? {})).toContain(
      String(status),
    )
    return { status, refused: String(response.headers['x-request-id']) }
  }
  const body = response.json<Record<string, unknown>>()
  const requestId = response.headers['x-request-id']
  const type = String(response.headers['content-type'])
  const openAi = /^\/v1(?:[/?]|$)/.test(url)
  const code = { code: expect.stringMatching(/^[a-z_]+$/) as unknown }
  expect(type).toMatch(openAi ? /^application\/json/ : /^application\/problem\+json/)
  expect(body).toMatchObject(
    openAi
      ? { error: { ...code, message: expect.any(String), type: expect.any(String) } }
      : {
          ...code,
          title: expect.any(String),
          detail: expect.any(String),
          status,
          request_id: requestId,
        },
  )
  // A path that leads elsewhere (an id with a slash, an empty one) is another route's, or nobody's.
  const { code: said } = (openAi ? body['error'] : body) as { readonly code: string }
  if (!['route_not_found', 'method_not_allowed', 'unknown_url'].includes(said))
    expect(Object.keys(declared[path]?.[method.toLowerCase()]?.responses ?? {})).toContain(
      String(status),
    )
  return { status, refused: String(requestId) }
}

const isPage = ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }): boolean =>
  String(headers['content-type']).startsWith('text/html')

async function expectNothingWritten(head: bigint, refused: ReadonlySet<string>): Promise<void> {
  await quiet(app.app)
  const written = (await logOf(app.app, head)).filter(
    ({ type, metadata }) => refused.has(metadata.$correlationId) && !MAY_FOLLOW_A_REFUSAL.has(type),
  )
  expect(written.map(({ type, stream }) => ({ type, stream }))).toEqual([])
}

const routesByName = async () => new Map(everyRoute(app.app).map((one) => [nameOf(one), one]))

describe('every route', () => {
  test('takes any request', { timeout: 240_000 }, async () => {
    const statuses = new Map<number, number>()
    for (const [name, route] of await routesByName()) {
      const there = await known()
      await quiet(app.app)
      const head = await app.app.engine.events.head()
      const [refused, granted] = [new Set<string>(), new Set<string>()]
      await fc.assert(
        fc.asyncProperty(garbageFor(route, there), async (request) => {
          const came = await probe(request, route)
          statuses.set(came.status, (statuses.get(came.status) ?? 0) + 1)
          const id = request.headers['x-request-id']
          if (came.refused !== undefined) refused.add(came.refused)
          // A client may send the same id with a good request too.
          else if (id !== undefined) granted.add(id)
        }),
        { numRuns: RUNS },
      )
      await expectNothingWritten(head, refused.difference(granted))
      expect({ name, unhandled }).toEqual({ name, unhandled: [] })
    }
    // Garbage that all ends at the first check would prove little.
    for (const status of [200, 400, 401, 403, 404, 413, 415])
      expect({ status, times: statuses.get(status) ?? 0 }).toEqual({
        status,
        times: expect.toSatisfy((times: number) => times > 0),
      })
  })
})
