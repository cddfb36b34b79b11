// Checks S-50, S-61 to S-70, S-77, S-79 and S-83: whatever a body, a query or a header holds is refused by name or kept as plain data; nothing is coerced, nothing runs, nothing is answered with a 500.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseTemplate } from '../../../src/domain/agent/template.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { logOf, quiet } from '../../support/crash-data.ts'
import { fund } from '../../support/funded.ts'
import { ownRows, type Rows, type Wish, type World } from '../../support/mutations.ts'
import { sharedRows } from '../../support/shared-mutations.ts'
import { TELEGRAM } from '../../support/telegram-login.ts'
import { signIn } from '../../support/seed.ts'
import { everyRoute, nameOf } from '../../support/whole-api.ts'

const rows: Rows = { ...ownRows, ...sharedRows }

let app: TestApp
let world: World
/** A right wish for every route that takes a body. */
const wishes = new Map<string, Wish>()

beforeAll(async () => {
  app = await startTestApp(TELEGRAM)
  world = {
    test: app,
    owner: await fund(app),
    administrator: await signIn(app, { administrator: true }),
  }
  const takingBodies = everyRoute(app.app).filter(({ body }) => body !== undefined)
  for (const name of takingBodies.map(nameOf)) {
    const wish = (await rows[name]?.(world))?.wish
    if (typeof wish?.body === 'object') wishes.set(name, wish)
  }
  // That row has stopped all calls, so that its wish lets them go on.
  const stop = wishes.get('PUT /admin/stop')
  if (stop) await send(stop, stop.body)
  await app.settled()
}, 30_000)
afterAll(() => app.stop())

interface Refused {
  readonly code?: string
  readonly errors?: readonly { readonly path: string }[]
}
const send = (wish: Wish, body: unknown) =>
  app.request<Refused>(wish.line, {
    ...(wish.token === undefined ? {} : { token: wish.token }),
    ...(wish.org === undefined ? {} : { org: wish.org }),
    body,
  })
/** Exactly these bytes, asked by the owner. */
const raw = (
  url: string,
  payload: string | Buffer,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
) => rawBy(world.owner.token, url, payload, { 'x-organization-id': world.owner.orgId, ...headers })
const rawBy = (
  token: string,
  url: string,
  payload: string | Buffer,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
) =>
  app.app.server.inject({
    method: 'POST',
    url,
    headers: { authorization: `Bearer ${token}`, ...headers },
    payload,
  })
const asOwner = (line: string, body?: unknown) =>
  app.request(line, {
    token: world.owner.token,
    org: world.owner.orgId,
    ...(body === undefined ? {} : { body }),
  })
const bodyOf = ({ body }: Wish) => body as Readonly<Record<string, unknown>>

/**
 * Where the domain knows what a body may hold: the agent its variables, and Telegram what it has signed,
 * with every field.
 */
const SAID_LATER: ReadonlySet<string> = new Set(['variables_invalid', 'telegram_login_refused'])

/** Sends `change` of every right body; names the routes that took it, and what was written. */
async function accepted(
  change: (body: Readonly<Record<string, unknown>>, field: string) => unknown,
  fields: (body: Readonly<Record<string, unknown>>) => readonly string[],
): Promise<unknown[]> {
  await quiet(app.app)
  const head = await app.app.engine.events.head()
  const odd: unknown[] = []
  for (const [name, wish] of wishes)
    for (const field of fields(bodyOf(wish))) {
      const { status, body } = await send(wish, change(bodyOf(wish), field))
      if (status !== 400 && !SAID_LATER.has(String(body.code)))
        odd.push({ name, field, status, body })
    }
  await quiet(app.app)
  const written = (await logOf(app.app, head)).filter(
    ({ type }) => type !== 'UsageRecorded' && type !== 'AccessDenied',
  )
  return [...odd, ...written.map(({ type }) => ({ type }))]
}

test('most routes that take a body are looked at', () => {
  expect(wishes.size).toBeGreaterThan(20)
})

test('S-50 S-62 a property that nobody knows is refused in every body, and nothing is written', async () => {
  const surplus = [
    ['role', 'owner'],
    ['organizationId', 'org_1'],
    ['organization_id', 'org_1'],
    ['balance', '1000000'],
    ['createdBy', 'usr_1'],
    ['id', 'usr_1'],
    ['version', 99],
    ['isAdmin', true],
    ['administrator', true],
    ['$set', { role: 'owner' }],
  ] as const
  const value = new Map<string, unknown>(surplus)
  const found = await accepted(
    (body, field) => ({ ...body, [field]: value.get(field) }),
    (body) =>
      'messages' in body
        ? []
        : [...value.keys()].filter((field) => !(field in body) && !mayHave(body, field)),
  )
  expect(found).toEqual([])
  // At the door of OpenAI's clients it changes nothing, and is named as far as a header can carry it.
  const messages = [{ role: 'user', content: 'Hello' }]
  const body = { ...Object.fromEntries(surplus), model: world.owner.agentId, messages }
  const { status, headers } = await asOwner('POST /v1/chat/completions', body)
  expect(status).toBe(200)
  const named = [...value.keys()].filter((name) => /^\w+$/.test(name))
  expect(String(headers['x-daybook-dropped']).split(', ').toSorted()).toEqual(named.toSorted())
})
/** Fields of the list above that a schema has, though a body need not name them. */
const mayHave = (body: object, field: string): boolean =>
  (field === 'version' && ('slug' in body || 'input' in body)) ||
  (field === 'role' && 'email' in body && !('password' in body))

test('S-61 S-68 no field takes a value of another type, an operator of a query least of all', async () => {
  const wrong = (value: unknown): unknown[] => [
    { $ne: null },
    { $gt: '' },
    [{ $where: 'sleep(1000)' }],
    typeof value === 'string' ? 7 : '7',
    Array.isArray(value) ? 'one' : [value],
  ]
  for (const nth of [0, 1, 2, 3, 4]) {
    const found = await accepted(
      (body, field) => ({ ...body, [field]: wrong(body[field])[nth] }),
      // Policies say in their `kind` what else they are: an unknown one is refused like the rest.
      (body) => Object.keys(body),
    )
    expect(found, `wrong value ${nth}`).toEqual([])
  }
})

describe('S-63 said twice', () => {
  test('a parameter of the query', async () => {
    for (const query of ['limit=1&limit=2', 'limit[]=1', 'limit[a]=1', 'limit=1,2'])
      expect((await asOwner(`GET /invocations?${query}`)).status).toBe(400)
  })
  test('a key of a body: the last one is judged and counts, as in JSON.parse', async () => {
    const ask = (payload: string) => raw('/organizations', payload)
    expect((await ask('{"name":"Fine","name":7}')).statusCode).toBe(400)
    expect((await ask('{"name":7,"name":"Last"}')).json()).toMatchObject({ name: 'Last' })
  })
})

test('S-64 numbers that are none of ours, and money that is no text', async () => {
  const { token } = world.administrator
  const path = `/admin/accounts/${world.owner.orgId}/credits`
  const credit = (amount: string) =>
    rawBy(token, path, `{"amount":${amount},"kind":"paid","reason":"check"}`)
  for (const amount of [
    '1',
    '1.5',
    '-0',
    '1e400',
    '9007199254740993',
    '"1e3"',
    '"-1"',
    '"0"',
    '"1.0000000001"',
    '"0x10"',
    '" 1"',
    '"1,5"',
    '"NaN"',
    '"Infinity"',
    '"٣"',
  ])
    expect((await credit(amount)).statusCode, amount).toBe(400)
  const version = (max_tokens: string) =>
    raw(
      `/agents/${world.owner.agentId}/versions`,
      `{"prompt_template":"{{input}}","max_tokens":${max_tokens}}`,
    )
  for (const number of ['9007199254740993', '1e400', '1.5', '-1', '0', '"5"', 'true'])
    expect((await version(number)).statusCode, number).toBe(400)
})

test('S-65 nested deeper than 32: refused at once', async () => {
  const ask = (payload: string) => raw(`/agents/${world.owner.agentId}/invoke`, payload)
  for (const depth of [33, 5_000, 200_000]) {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const levels = Math.min(depth, Math.floor(400_000 / open.length))
      const began = performance.now()
      const reply = await ask(
        `{"metadata":${open.repeat(levels)}${open === '[' ? '' : '1'}${close.repeat(levels)}}`,
      )
      expect([reply.statusCode, reply.json<Refused>().code]).toEqual(
        reply.statusCode === 413 ? [413, 'body_too_large'] : [400, 'malformed_body'],
      )
      expect(performance.now() - began).toBeLessThan(1_000)
    }
  }
})

describe('S-66 text', () => {
  const name = (literal: string) => raw('/organizations', `{"name":${literal}}`)
  test.each([
    ['a lone surrogate', String.raw`"\ud800"`, 400],
    ['NUL', String.raw`"a\u0000"`, 400],
    ['nothing', '""', 400],
    ['more than its limit', JSON.stringify('x'.repeat(5_000)), 400],
    ['a megabyte', JSON.stringify('x'.repeat(1_000_000)), 413],
    ['ten thousand items', JSON.stringify(Array<number>(10_000).fill(1)), 400],
  ])('%s', async (_what, literal, status) => {
    expect((await name(literal)).statusCode).toBe(status)
  })
  test('that turns the direction of writing is kept as it is', async () => {
    const text = 'a\u202eb\u2066c'
    expect((await name(JSON.stringify(text))).json()).toMatchObject({ name: text })
  })
})

describe('S-67 names of prototypes', () => {
  const invoking = (payload: string) => raw(`/agents/${world.owner.agentId}/invoke`, payload)
  test.each(['__proto__', 'constructor', 'prototype'])('%s is refused in a body', async (key) => {
    for (const where of ['', 'metadata', 'variables']) {
      const inner = `{"${key}":{"polluted":"yes"}}`
      const payload =
        where === '' ? `{"input":"x",${inner.slice(1)}` : `{"input":"x","${where}":${inner}}`
      expect((await invoking(payload)).statusCode).toBe(400)
    }
    const query = await asOwner(`GET /invocations?${key}=1&${key}[polluted]=yes`)
    expect(query.status).toBe(400)
    const grouped = await asOwner(`GET /usage/summary?group_by=metadata.${key}`)
    expect(grouped.status).toBeLessThan(500)
  })
  test('what objects have by themselves is plain data', async () => {
    const metadata = { toString: 'a', valueOf: 'b', hasOwnProperty: 'c' }
    const line = `POST /agents/${world.owner.agentId}/invoke`
    const reply = await asOwner(line, { input: 'Hello', metadata })
    expect(reply.status).toBe(200)
    await app.settled()
    const read = await asOwner(`GET /invocations/${String(reply.body['invocation_id'])}`)
    expect(read.body['metadata']).toEqual(metadata)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect({}.hasOwnProperty('polluted')).toBe(false)
  })
})

test('S-69 text in the language of a database is text', async () => {
  for (const text of [
    `Robert'); DROP TABLE events;--`,
    `x' OR '1'='1`,
    '"; DELETE FROM events; --',
    '$all; %_*',
  ]) {
    const made = await app.request<{ id: string; name: string }>('POST /organizations', {
      token: world.owner.token,
      body: { name: text },
    })
    expect([made.status, made.body.name]).toEqual([201, text])
    const read = await app.request(`GET /organizations/${made.body.id}`, {
      token: world.owner.token,
    })
    expect(read.body['name']).toBe(text)
    const asId = await asOwner(`GET /invocations/${encodeURIComponent(text)}`)
    expect([400, 404]).toContain(asId.status)
  }
})

test('S-70 a type of content is JSON, or it is refused; none gets around the schema', async () => {
  const ask = (type: string | undefined, payload: string | Buffer) =>
    raw('/organizations', payload, type === undefined ? {} : { 'content-type': type })
  const types = [
    'application/json',
    'application/json;',
    'application/json\t',
    'application/json\t; charset=utf-8',
    ' application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-16',
    'application/json, text/plain',
    'application/problem+json',
    'text/json',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    '',
    undefined,
  ]
  for (const type of types) {
    const wrong = await ask(type, '{"name":7}')
    expect([400, 415], String(type)).toContain(wrong.statusCode)
    const surplus = await ask(type, '{"name":"a","role":"owner"}')
    expect([400, 415], String(type)).toContain(surplus.statusCode)
  }
  expect((await ask('text/plain', '{"name":"a"}')).statusCode).toBe(415)
  const wide = Buffer.from('{"name":"a"}', 'utf16le')
  expect((await ask('application/json; charset=utf-16', wide)).statusCode).toBe(400)
})

test.each(['x'.repeat(256), '', 'a b', 'a\tb', 'ключ', 'a\u0007'])(
  'S-77 the Idempotency-Key %j is none',
  async (key) => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key }
    const reply = await raw('/organizations', '{"name":"Keyed"}', headers)
    expect([reply.statusCode, reply.json<Refused>().errors?.[0]?.path]).toEqual([
      400,
      'header.idempotency-key',
    ])
  },
)

describe('S-79 templates', () => {
  test.each([
    '{{constructor.name}}',
    '{{__proto__}}',
    '{{toString}}',
    '{{input.length}}',
    '{{input | upper}}',
    '{{#each x}}{{/each}}',
    '{{> partial}}',
    '{{a{{b}}}}',
    '{{',
  ])('%s is refused before it is published', async (prompt_template) => {
    const line = `POST /agents/${world.owner.agentId}/versions`
    const reply = await asOwner(line, { prompt_template: `{{input}} ${prompt_template}` })
    expect(reply.status).toBe(422)
  })
  test('other languages of templates are text, and a value is never read as a template', async () => {
    const { agentId } = world.owner
    const template = '${input} <%= input %> #{input} {{input}}'
    const line = `POST /agents/${agentId}/versions`
    const body = { prompt_template: template, variables: [{ name: 'x' }] }
    const published = await asOwner(line, body)
    expect(published.status).toBe(201)
    const rendered = await asOwner(`POST /agents/${agentId}/render`, {
      input: '{{x}}{{input}}',
      variables: { x: '{{input}}' },
      version: published.body['version'],
    })
    const messages = rendered.body['messages'] as { content: string }[]
    expect(messages.map(({ content }) => content)).toContain(
      '${input} <%= input %> #{input} {{x}}{{input}}',
    )
  })
  test('a million of them are read in linear time', () => {
    for (const many of ['{{', '{{x}}', '\\{{', '{{ ', '{{a']) {
      const began = performance.now()
      parseTemplate(many.repeat(20_000))
      expect(performance.now() - began, many).toBeLessThan(1_000)
    }
  })
})

describe('S-83 max_tokens', () => {
  const HUGE = 1_000_000_000
  test('of a thousand million is refused, in a version and in a request', async () => {
    const version = { prompt_template: '{{input}}', max_tokens: HUGE }
    const { agentId } = world.owner
    expect((await asOwner(`POST /agents/${agentId}/versions`, version)).status).toBe(400)
    const messages = [{ role: 'user', content: 'Hello' }]
    const body = { model: agentId, messages, max_tokens: HUGE }
    expect((await asOwner('POST /v1/chat/completions', body)).status).toBe(400)
  })
  test('that nobody set has a bound of ours, which is what the provider is asked for', async () => {
    const version = { prompt_template: '{{input}}', model_name: 'test-model' }
    const agent = { slug: 'unbounded', name: 'Unbounded', version }
    const made = await asOwner('POST /agents', agent)
    expect(made.status).toBe(201)
    const before = app.upstream.requests.length
    const line = `POST /agents/${String(made.body['id'])}/invoke`
    expect((await asOwner(line, { input: 'Hello' })).status).toBe(200)
    const sent = app.upstream.request(before).body
    expect(sent['max_completion_tokens'] ?? sent['max_tokens']).toBe(
      app.app.config.OPENAI_MAX_TOKENS,
    )
  })
})
