// No request, however odd, is answered with a 500 or ends the process.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AnyRoute } from '../../src/api/route.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { type Funded, fund, invoke } from '../support/funded.ts'
import { type SignedIn, signIn } from '../support/seed.ts'

let app: TestApp
let who: Funded
let administrator: SignedIn
let callId: string
const uncaught: unknown[] = []
const failures: unknown[] = []
const note = (error: unknown) => void uncaught.push(error)
const quiet = () => undefined
beforeAll(async () => {
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  const error = (fields: object) => void failures.push(fields)
  app = await startTestApp({}, { logger: { debug: quiet, info: quiet, warn: quiet, error } })
  who = await fund(app, { agent: { variables: [{ name: 'x', required: false, maxLength: 9 }] } })
  administrator = await signIn(app, { administrator: true })
  callId = (await invoke(app, who)).body.invocation_id
  await app.settled()
})
afterAll(async () => {
  await app.stop()
  process.off('uncaughtException', note)
  process.off('unhandledRejection', note)
})

const odd: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  2 ** 53,
  0.1,
  '',
  ' ',
  '\u202e\u0007',
  '😀'.repeat(300),
  'x'.repeat(20_000),
  "' OR 1=1 --",
  '../../etc/passwd',
  '{{input}}',
  '9999999999.999999999',
  '-0',
  [],
  [[]],
  [null],
  {},
  { $ne: null },
  { toString: 'x', valueOf: 1, hasOwnProperty: 'x', length: -1 },
]

/** Bodies that are nearly right: each field in turn is odd, then something is there that is not known. */
const plausible: Readonly<Record<string, Record<string, unknown>>> = {
  'POST /auth/register': { email: 'odd@example.com', password: 'a long enough one', locale: 'en' },
  'POST /auth/login': { email: 'odd@example.com', password: 'a long enough one' },
  'POST /auth/refresh': { refresh_token: 'a.b.c' },
  'POST /auth/verify-email': { token: 'x' },
  'POST /auth/verify-email/resend': { email: 'odd@example.com' },
  'POST /auth/telegram/exchange': {
    code: 'x',
    code_verifier: 'v'.repeat(43),
    refresh_cookie: true,
  },
  'POST /auth/password/reset': { token: 'x', password: 'a long enough one' },
  'PATCH /me': { email: 'odd@example.com', locale: 'en', current_password: 'x', password: 'x' },
  'POST /organizations': { name: 'Odd' },
  'PATCH /organizations/{id}': { name: 'Odd', content_days: 3 },
  'POST /organizations/{id}/invitations': { email: 'odd@example.com', role: 'member' },
  'POST /agents': {
    slug: 'odd',
    name: 'Odd',
    owner: 'platform',
    version: { prompt_template: '{{input}}', variables: [{ name: 'x' }], fallbacks: ['y'] },
  },
  'POST /agents/{agent_id}/versions': {
    prompt_template: '{{input}}',
    system_prompt: 'x',
    temperature: 1,
    max_tokens: 1,
    variables: [],
    model_name: 'test-model',
  },
  'POST /agents/{agent_id}/render': { input: 'x', variables: { x: 'y' }, version: 1 },
  'POST /agents/{agent_id}/invoke': {
    input: 'x',
    variables: { x: 'y' },
    label: 'production',
    user: 'u',
    metadata: { a: 'b' },
    stream: false,
  },
  'POST /billing/subscribe': { plan_id: `pln_${'0'.repeat(26)}`, price_id: 'x' },
  'POST /billing/cancel': { at: 'period_end' },
  'POST /billing/top-up': { price_id: 'x', quantity: 1 },
  'POST /admin/paddle-events/{id}/dismiss': { note: 'x' },
  'POST /admin/paddle-events/dismiss': {
    note: 'x',
    from: '2020-01-01T00:00:00.000Z',
    before: '2020-01-02T00:00:00.000Z',
  },
  'POST /admin/accounts/{org_id}/credits': { amount: '1.00', kind: 'paid', reason: 'x' },
  'POST /admin/invocations/{id}/adjust': { amount: '0.01', reason: 'x' },
  'POST /admin/users/{id}/deactivate': { reason: 'x' },
}

function bodiesOf(line: string): unknown[] {
  const right = plausible[line] ?? { a: 1 }
  const changed = Object.keys(right).flatMap((field) =>
    odd.map((value) => ({ ...right, [field]: value })),
  )
  return [...odd, ...changed, { ...right, surplus: 1 }]
}

const idOf = (name: string, path: string): string => {
  if (name === 'agent_id') return who.agentId
  if (name === 'org_id' || path.startsWith('/organizations'))
    return name === 'user_id' ? who.userId : who.orgId
  if (path.includes('/invocations')) return callId
  if (path.includes('/users')) return `usr_${'0'.repeat(26)}`
  return name === 'label' ? 'production' : 'x'
}

async function ask(one: AnyRoute, path: string, payload: string | undefined, headers: object) {
  const { token } = path.startsWith('/admin') ? administrator : who
  const response = await app.app.server.inject({
    method: one.method,
    url: path,
    headers: {
      authorization: `Bearer ${token}`,
      ...(payload === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(payload === undefined ? {} : { payload }),
  })
  return response.statusCode
}

test('never a 500', { timeout: 120_000 }, async () => {
  const all = app.app.routes
  const broken: string[] = []
  const statuses = new Map<number, number>()
  const check = async (one: AnyRoute, path: string, payload?: string, headers: object = {}) => {
    const before = failures.length
    const status = await ask(one, path, payload, headers)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
    if (status === 500)
      broken.push(
        `${one.method} ${path} ${payload?.slice(0, 200)} ${JSON.stringify(headers).slice(0, 100)} ` +
          String((failures.at(before) as { error?: Error } | undefined)?.error?.stack).slice(
            0,
            400,
          ),
      )
  }
  for (const one of all) {
    const line = `${one.method} ${one.path}`
    if (/logout|password\/forgot/.test(line)) continue
    const path = one.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => idOf(name, one.path))
    if (one.body) for (const body of bodiesOf(line)) await check(one, path, JSON.stringify(body))
    for (const query of [
      'limit=1e2',
      'limit=100&cursor=A.A',
      'after=x',
      'from=x',
      'a[b]=c',
      '%00=%00',
      '__proto__=1',
      'group_by=metadata.constructor',
    ])
      await check(one, `${path}?${query}`)
    for (const id of ['%00', '%ff', '..%2f', 'x'.repeat(250), '__proto__', '%F0%9F%98%80'])
      if (one.path.includes('{')) await check(one, one.path.replaceAll(/\{\w+\}/g, id))
    for (const headers of [
      { 'idempotency-key': 'é' },
      { 'idempotency-key': 'x'.repeat(256) },
      { 'if-match': '"999999999999999"' },
      { 'if-match': '*' },
      { 'last-event-id': '999.999999999999' },
      { 'x-organization-id': '\u00ff'.repeat(100) },
      { 'accept-language': ';;;q=,,,' },
      { traceparent: '-'.repeat(55) },
      { prefer: 'respond-async, respond-async' },
      { cookie: 'daybook_refresh=%00; =; x' },
    ])
      await check(one, path, undefined, headers)
  }
  expect(broken).toEqual([])
  // They did get in: most was refused for what it said, some of it was done.
  expect(statuses.get(400)).toBeGreaterThan(1_000)
  expect(statuses.get(200)).toBeGreaterThan(100)
  expect(statuses.get(401) ?? 0).toBeLessThan(150)
  expect(uncaught).toEqual([])
})
