// The isolation matrix, made from the declared routes: whoever must not get through a route does not, and a request that was refused leaves nothing.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AnyRoute } from '../../src/api/route.ts'
import type { OrganizationRole } from '../../src/domain/organization/events.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { logOf } from '../support/crash-data.ts'
import { fund, type Funded } from '../support/funded.ts'
import type { Wish, World } from '../support/mutations.ts'
import { type SignedIn, signIn, signInMember } from '../support/seed.ts'
import { everyRoute, nameOf, wishesOf } from '../support/whole-api.ts'

const ROLES: readonly OrganizationRole[] = ['auditor', 'member', 'admin', 'owner']
/** What is written of requests that were refused. */
const OF_REFUSALS = new Set(['UsageRecorded', 'AccessDenied'])

let app: TestApp
let world: World
let wishOf: (name: string) => Promise<Wish>
let routes: readonly AnyRoute[]
let members: Readonly<Record<OrganizationRole, SignedIn>>
let ended: SignedIn
let deactivated: SignedIn
let expired: string
let stranger: Funded
let keys: Readonly<Record<'without' | 'revoked' | 'expired', string>>

beforeAll(async () => {
  app = await startTestApp()
  const administrator = await signIn(app, { administrator: true })
  const owner = await fund(app)
  world = { test: app, owner, administrator }
  stranger = await fund(app)
  const wishes = await wishesOf(world)
  const roles = await Promise.all(ROLES.map((role) => signInMember(app, owner.orgId, role)))
  members = Object.fromEntries(ROLES.map((role, n) => [role, roles[n]])) as typeof members
  // The wish of this route has a team of its own; here it is asked where the members are.
  const transfer: Wish = {
    line: `POST /organizations/${owner.orgId}/transfer`,
    body: { user_id: members.owner.userId },
  }
  wishOf = (name) =>
    name === 'POST /organizations/{id}/transfer' ? Promise.resolve(transfer) : wishes(name)
  ended = await signInMember(app, owner.orgId, 'owner')
  deactivated = await signInMember(app, owner.orgId, 'owner')
  expired = await expiredToken(await signInMember(app, owner.orgId, 'owner'))
  await app.request('POST /auth/logout', { token: ended.token })
  await app.request(`POST /admin/users/${deactivated.userId}/deactivate`, {
    token: administrator.token,
  })
  keys = await threeKeys(owner)
  routes = everyRoute(app.app)
  await app.settled()
}, 60_000)
afterAll(async () => {
  // A call was made to be canceled, and nobody could.
  await app.upstream.close()
  await app.stop()
}, 30_000)

/** Signed as ours, and over. */
async function expiredToken({ userId, sessionId }: SignedIn): Promise<string> {
  const { tokens, clock } = app.app.deps
  const issuedAt = Math.floor(clock.now().getTime() / 1_000) - 3_600
  return tokens.signAccess({ userId, sessionId, issuedAt, expiresAt: issuedAt + 900 })
}

async function threeKeys({ token, orgId }: Funded): Promise<typeof keys> {
  const issue = async (body: object) => {
    const issued = await app.request('POST /api-keys', { token, org: orgId, body })
    expect(issued.status, issued.text).toBe(201)
    return { id: String(issued.body['id']), secret: String(issued.body['key']) }
  }
  const all = [
    'invoke',
    'agents:read',
    'invocations:read',
    'usage:read',
    'billing:read',
    'audit:read',
  ]
  const without = await issue({ name: 'audit alone', scopes: ['audit:read'] })
  const revoked = await issue({ name: 'revoked', scopes: all })
  await app.request(`DELETE /api-keys/${revoked.id}`, { token, org: orgId })
  const soon = new Date(app.clock.now().getTime() + 60_000).toISOString()
  const over = await issue({ name: 'over', scopes: all, expires_at: soon })
  app.clock.advance(61_000)
  return { without: without.secret, revoked: revoked.secret, expired: over.secret }
}

/** Routes whose organization stands in the path: their least role is the domain's rule. */
const LEAST: Readonly<Record<string, OrganizationRole>> = {
  'PATCH /organizations/{id}': 'admin',
  'POST /organizations/{id}/invitations': 'admin',
  'DELETE /organizations/{id}/invitations/{invitation_id}': 'admin',
  'PATCH /organizations/{id}/members/{user_id}': 'admin',
  'DELETE /organizations/{id}/members/{user_id}': 'admin',
  'POST /organizations/{id}/transfer': 'owner',
}

interface Attempt {
  readonly who: string
  readonly token?: string
  readonly org?: string
  readonly status: number
  readonly code: string
}

function attemptsOn(route: AnyRoute): Attempt[] {
  const { actor, role, scope, wholeOrganization } = route.access
  if (actor === 'anyone') return []
  const { orgId: org } = world.owner
  const attempts: Attempt[] = [
    { who: 'nobody', status: 401, code: 'unauthenticated' },
    { who: 'a made-up token', token: 'e30.e30.e30', status: 401, code: 'unauthenticated' },
    { who: 'an expired token', token: expired, org, status: 401, code: 'unauthenticated' },
    { who: 'an ended session', token: ended.token, org, status: 401, code: 'session_ended' },
    {
      who: 'a deactivated person',
      token: deactivated.token,
      org,
      status: 403,
      code: 'user_deactivated',
    },
    { who: 'a revoked key', token: keys.revoked, status: 401, code: 'api_key_revoked' },
    { who: 'an expired key', token: keys.expired, status: 401, code: 'api_key_expired' },
  ]
  if (scope !== 'audit:read')
    attempts.push({
      who: 'a key without the scope',
      token: keys.without,
      status: 403,
      code: 'forbidden',
    })
  if (actor === 'administrator')
    attempts.push({
      who: 'an owner who administrates nothing',
      token: world.owner.token,
      status: 403,
      code: 'forbidden',
    })
  const least = role ?? LEAST[nameOf(route)]
  if (role !== undefined)
    attempts.push({
      who: 'another organization',
      token: stranger.token,
      org,
      status: 404,
      code: 'organization_not_found',
    })
  if (least === undefined) return attempts
  const lower = ROLES.slice(0, ROLES.indexOf(least))
  if (wholeOrganization && least === 'auditor') lower.push('member')
  for (const one of lower)
    attempts.push({
      who: `a mere ${one}`,
      token: members[one].token,
      org,
      status: 403,
      code: 'forbidden',
    })
  return attempts
}

test('the matrix is as large as the routes', () => {
  const attempts = routes.flatMap(attemptsOn)
  expect(routes.length).toBeGreaterThan(60)
  expect(attempts.length).toBeGreaterThan(routes.length * 6)
  for (const name of Object.keys(LEAST)) expect(routes.map(nameOf)).toContain(name)
})

test(
  'whoever must not gets through no route, and leaves nothing',
  { timeout: 120_000 },
  async () => {
    const refused = new Set<string>()
    for (const route of routes) {
      const name = nameOf(route)
      const attempts = attemptsOn(route)
      if (attempts.length === 0) continue
      const wish = await wishOf(name)
      const outcomes: unknown[] = []
      for (const { who, token, org } of attempts) {
        const reply = await app.request(wish.line, {
          ...(token === undefined ? {} : { token }),
          ...(org === undefined ? {} : { org }),
          ...(wish.body === undefined ? {} : { body: wish.body }),
        })
        refused.add(String(reply.headers['x-request-id']))
        const problem = (reply.body['error'] ?? reply.body) as { code?: unknown }
        outcomes.push({ name, who, status: reply.status, code: problem.code })
      }
      expect(outcomes).toEqual(
        // OpenAI's envelope has OpenAI's codes.
        attempts.map(({ who, status, code }) => ({
          name,
          who,
          status,
          code: route.path.startsWith('/v1/') ? (expect.any(String) as unknown) : code,
        })),
      )
    }
    await app.settled()
    const written = (await logOf(app.app)).filter(
      ({ type, metadata }) => refused.has(metadata.$correlationId) && !OF_REFUSALS.has(type),
    )
    expect(written).toEqual([])
  },
)
