// Whatever must not happen to an agent is refused by status and name, and nothing is written.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RequestOptions } from '../../support/app.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import type { SignedIn } from '../../support/seed.ts'
import {
  anAgent,
  asker,
  type People,
  people,
  type ProblemReply,
  translator,
  version,
} from './agents.ts'

let app: TestApp
let who: People
let ask: ReturnType<typeof asker>
let agentId: string
beforeAll(async () => {
  app = await startTestApp()
  who = await people(app)
  ask = asker(app, who.orgId)
  agentId = await anAgent(app, who)
})
afterAll(() => app.stop())

/** Every event but the records of the requests themselves. */
const written = async () => {
  const events = await app.app.engine.events.readAll({ after: -1n, limit: 100_000 })
  return events.filter(({ type }) => !/^(UsageRecorded|AccessDenied)$/.test(type)).length
}

async function refused(person: SignedIn, line: string, options: RequestOptions = {}) {
  const before = await written()
  const { status, body } = await ask<ProblemReply>(person, line, options)
  expect(await written()).toBe(before)
  return {
    status,
    code: body.code,
    ...(body.facts && { facts: body.facts }),
    ...(body.errors && { fields: body.errors.map(({ path }) => path) }),
  }
}

const unknownId = 'agt_00000000000000000000000000'
/** Every route of one agent, with a body it would take. */
const routes: readonly [string, object?][] = [
  ['GET /agents/{id}'],
  ['PATCH /agents/{id}', { name: 'Mine' }],
  ['GET /agents/{id}/versions'],
  ['POST /agents/{id}/versions', version],
  ['PUT /agents/{id}/labels/production', { version: 1 }],
  ['POST /agents/{id}/render', { input: 'x', variables: { language: 'en' } }],
]
const to = (line: string, id: string) => line.replace('{id}', id)
const withBody = (body: object | undefined): RequestOptions => (body ? { body } : {})
const changes = routes.filter(
  ([line]) => /PATCH|versions|labels/.test(line) && !line.startsWith('GET'),
)

describe('400', () => {
  test.each<[string, object, string[]]>([
    ['no name', { slug: 'x' }, ['body.name']],
    ['a slug with capitals', { slug: 'Ab', name: 'x' }, ['body.slug']],
    ['an unknown field', { slug: 'x', name: 'x', colour: 'red' }, ['body']],
    ['another owner', { slug: 'x', name: 'x', owner: unknownId }, ['body.owner']],
    [
      'a version without a template',
      { slug: 'x', name: 'x', version: {} },
      ['body.version.prompt_template'],
    ],
    [
      'a number as text',
      { slug: 'x', name: 'x', version: { ...version, max_tokens: '5' } },
      ['body.version.max_tokens'],
    ],
  ])('a creation with %s', async (_what, body, fields) => {
    expect(await refused(who.owner, 'POST /agents', { body })).toEqual({
      status: 400,
      code: 'invalid_input',
      fields,
    })
  })
  test('a change of nothing', async () => {
    const reply = await refused(who.owner, `PATCH /agents/${agentId}`, { body: {} })
    expect(reply).toMatchObject({ status: 400, fields: ['body'] })
  })
  test.each<[string, object | undefined, string]>([
    ['GET /agents/nobody', undefined, 'path.agent_id'],
    [`PUT /agents/${unknownId}/labels/UP`, { version: 1 }, 'path.label'],
    [`PUT /agents/${unknownId}/labels/up`, { version: 0 }, 'body.version'],
    ['GET /agents?limit=101', undefined, 'query.limit'],
    ['GET /agents?cursor=made-up', undefined, 'query.cursor'],
  ])('%s', async (line, body, field) => {
    expect(await refused(who.owner, line, withBody(body))).toEqual({
      status: 400,
      code: 'invalid_input',
      fields: [field],
    })
  })
  test('a cursor of another list', async () => {
    await anAgent(app, who)
    const { body } = await ask<{ next_cursor: string }>(who.owner, 'GET /agents?limit=1')
    const line = `GET /agents?cursor=${body.next_cursor}`
    const reply = await refused(who.stranger, line, { org: who.stranger.orgId })
    expect(reply).toMatchObject({ status: 400, fields: ['query.cursor'] })
  })
})

describe('401', () => {
  test.each(routes)('%s without a token', async (line, body) => {
    const reply = await app.request(to(line, agentId), withBody(body))
    expect([reply.status, reply.body['code']]).toEqual([401, 'unauthenticated'])
  })
})

describe('403', () => {
  test.each(['member', 'auditor'] as const)('a %s changes nothing', async (role) => {
    for (const [line, body] of changes)
      expect(await refused(who[role], to(line, agentId), withBody(body))).toEqual({
        status: 403,
        code: 'forbidden',
        facts: { needed: 'admin' },
      })
    expect(await refused(who[role], 'POST /agents', { body: translator })).toMatchObject({
      status: 403,
    })
  })
  test("the platform's agents are changed by an administrator only", async () => {
    const body = { slug: 'ours', name: 'Ours', owner: 'platform' }
    const needed = { status: 403, code: 'forbidden', facts: { needed: 'administrator' } }
    expect(await refused(who.owner, 'POST /agents', { body })).toEqual(needed)
    const id = await anAgent(app, who.administrator, { owner: 'platform' })
    for (const [line, change] of changes)
      expect(await refused(who.owner, to(line, id), withBody(change))).toEqual(needed)
  })
})

describe('404', () => {
  test.each(routes)('%s: a foreign agent is one that does not exist', async (line, body) => {
    const foreign = await anAgent(app, who.stranger)
    const answers = []
    for (const id of [foreign, unknownId]) {
      const reply = await ask<Record<string, unknown>>(who.owner, to(line, id), withBody(body))
      const { request_id: _id, ...problem } = reply.body
      answers.push({ status: reply.status, problem })
    }
    expect(answers[0]).toEqual(answers[1])
    expect(answers[0]).toMatchObject({ status: 404, problem: { code: 'agent_not_found' } })
  })
  test('a label on a version that does not exist', async () => {
    const line = `PUT /agents/${agentId}/labels/production`
    expect(await refused(who.owner, line, { body: { version: 9 } })).toEqual({
      status: 404,
      code: 'version_not_found',
      facts: { version: 9, latest: 1 },
    })
  })
})

describe('409', () => {
  test('a slug that is taken', async () => {
    await anAgent(app, who, { slug: 'taken' })
    const body = { ...translator, slug: 'taken' }
    expect(await refused(who.admin, 'POST /agents', { body })).toMatchObject({
      status: 409,
      code: 'slug_taken',
    })
  })
  test('20 creations with one slug at once: one agent', async () => {
    const body = { ...translator, slug: 'wanted' }
    const send = (_: unknown, n: number) => ask(who.owner, 'POST /agents', { body, key: `w-${n}` })
    const replies = await Promise.all(Array.from({ length: 20 }, send))
    const statuses = replies.map(({ status }) => status).sort((a, b) => a - b)
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 409)])
    const { body: list } = await ask<{ items: { slug: string }[] }>(
      who.owner,
      'GET /agents?limit=100',
    )
    expect(list.items.filter(({ slug }) => slug === 'wanted')).toHaveLength(1)
  })
})

describe('412', () => {
  test.each(changes)('%s at another revision', async (line, body) => {
    const headers = { 'if-match': '"0"' }
    expect(await refused(who.owner, to(line, agentId), { ...withBody(body), headers })).toEqual({
      status: 412,
      code: 'precondition_failed',
      facts: { revision: 2 },
    })
  })
})

describe('413', () => {
  test.each(['POST /agents', 'POST /agents/{id}/versions'])('%s above 160 KiB', async (line) => {
    const body = { ...version, prompt_template: 'x'.repeat(160 * 1024) }
    const reply = await refused(who.owner, to(line, agentId), { body })
    expect(reply).toEqual({ status: 413, code: 'body_too_large' })
  })
})

describe('422', () => {
  const bad = { ...version, prompt_template: 'Say {{inptu}}.' }
  test('a template with mistakes names them, and takes no slug', async () => {
    const body = { slug: 'mistaken', name: 'x', version: bad }
    expect(await refused(who.owner, 'POST /agents', { body })).toMatchObject({
      status: 422,
      code: 'template_invalid',
      facts: {
        problems: [
          { code: 'input_missing', in: 'prompt_template' },
          { code: 'undeclared_variable', name: 'inptu', line: 1, column: 5 },
        ],
      },
    })
    const corrected = { ...body, version }
    expect((await ask(who.owner, 'POST /agents', { body: corrected })).status).toBe(201)
    const reply = await refused(who.owner, `POST /agents/${agentId}/versions`, { body: bad })
    expect(reply).toMatchObject({ status: 422, code: 'template_invalid' })
  })
  test('prompts above 128 KiB together', async () => {
    const half = 'x'.repeat(65 * 1024)
    const body = { system_prompt: half, prompt_template: `${half}{{input}}` }
    const reply = await refused(who.owner, `POST /agents/${agentId}/versions`, { body })
    expect(reply).toMatchObject({ status: 422, code: 'prompt_too_large' })
  })
  test('a key that comes back with another body', async () => {
    const key = 'reused'
    await ask(who.owner, 'POST /agents', { body: { slug: 'reused', name: 'x' }, key })
    for (const slug of ['reused', 'reused-too'])
      expect(
        await refused(who.owner, 'POST /agents', { body: { slug, name: 'y' }, key }),
      ).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    const free = await ask(who.owner, 'POST /agents', { body: { slug: 'reused-too', name: 'z' } })
    expect(free.status).toBe(201)
  })
})
