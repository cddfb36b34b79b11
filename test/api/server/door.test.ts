// The front door says what is wrong with a request before any command sees it, and hides what is ours.
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createIds } from '../../../src/adapters/ids.ts'
import { createServer } from '../../../src/api/server.ts'
import { type AnyRoute, route } from '../../../src/api/route.ts'
import { UnknownEvent } from '../../../src/ports/unknown-event.ts'
import { createAccessFacts } from '../../../src/commands/access-facts.ts'
import type { EventMetadata } from '../../../src/domain/metadata.ts'
import { EventTooLarge, RevisionConflict } from '../../../src/ports/event-store.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { silent } from '../../support/silent.ts'

let it: TestApp
const stopping = new AbortController()
const breakingOff = new AbortController()
let patient: AbortSignal | undefined
const logged: object[] = []
let server: Awaited<ReturnType<typeof createServer>>

const open = { actor: 'anyone', resource: 'test', action: 'test', limits: ['request'] } as const
const answers = { 200: { description: 'fine' } }
const throwing = (path: string, error: () => Error): AnyRoute =>
  route({
    method: 'GET',
    path,
    tag: 'test',
    summary: 'throws',
    access: open,
    answers,
    handler: () => {
      throw error()
    },
  })

const newer = {
  type: 'SessionStarted',
  stream: 'session-ses_1',
  position: 7n,
  metadata: { v: 2 } as EventMetadata,
}
const reveal = (_name: string, value: unknown) => (value instanceof Error ? value.message : value)

/** Milliseconds for which the process has not seen the end of the log. */
let unseen = 0

beforeAll(async () => {
  it = await startTestApp()
  const { deps } = it.app
  const routes = [
    route({
      method: 'POST',
      path: '/signed',
      tag: 'test',
      summary: 'what came, byte for byte',
      access: { ...open, resource: 'webhook' },
      rawBody: z.string(),
      answers,
      handler: ({ bytes }) => ({ body: { text: Buffer.from(bytes).toString('latin1') } }),
    }),
    route({
      method: 'POST',
      path: '/things/{id}',
      tag: 'test',
      summary: 'takes',
      access: open,
      answers,
      params: z.strictObject({ id: z.string().regex(/^[a-z]+$/) }),
      query: z.strictObject({ limit: z.exactOptional(z.string().regex(/^\d+$/)) }),
      body: z.strictObject({ name: z.string().max(10), count: z.exactOptional(z.int()) }),
      handler: ({ body, params }) => ({ body: { ...body, ...params } }),
    }),
    route({
      method: 'GET',
      path: '/views',
      tag: 'test',
      summary: 'reads',
      access: open,
      answers,
      reads: true,
      handler: () => ({ body: {} }),
    }),
    route({
      method: 'GET',
      path: '/patient',
      tag: 'test',
      summary: 'answers when it is broken off',
      access: open,
      answers,
      async handler({ signal }) {
        patient = signal
        await once(signal, 'abort')
        return { body: { brokenOff: true } }
      },
    }),
    throwing('/defect', () => new Error('the password of the database is hunter2')),
    throwing('/busy', () => new RevisionConflict('account-org_1', 1, 2)),
    throwing('/newer', () => new UnknownEvent(newer)),
    throwing('/large', () => new EventTooLarge('too large', 300_000)),
  ]
  server = await createServer({
    ...deps,
    ids: createIds(),
    facts: createAccessFacts(deps),
    routes,
    logger: { ...silent, error: (fields) => logged.push(fields) },
    onServed: () => undefined,
    denials: { record: () => undefined },
    unseenMs: () => unseen,
    corsOrigins: ['https://app.example.com'],
    trustProxy: [],
    stopping: stopping.signal,
    breakingOff: breakingOff.signal,
  })
})
afterAll(async () => {
  await server.close()
  await it.stop()
})

const json = { 'content-type': 'application/json' }
async function post(payload: string, headers: Record<string, string> = json, url = '/things/abc') {
  const response = await server.inject({ method: 'POST', url, headers, payload })
  const answer: Record<string, unknown> = {
    status: response.statusCode,
    ...response.json<object>(),
  }
  return answer
}

describe('a body', () => {
  test.each([
    ['cut off', '{"name":', 'is not valid JSON'],
    ['nested 33 deep', `{"name":${'['.repeat(33)}${']'.repeat(33)}}`, 'nested deeper'],
    ['nested 30,000 deep and cut off', '['.repeat(30_000), 'JSON'],
    ['a lone surrogate', String.raw`{"name":"\ud800"}`, 'lone surrogate'],
    ['NUL', String.raw`{"name":"a\u0000b"}`, 'NUL'],
    ['a prototype key', '{"__proto__":{"x":1},"name":"a"}', '__proto__'],
    ['a constructor key', '{"constructor":{"prototype":{}},"name":"a"}', 'constructor'],
    ['1e400', '{"name":"a","count":1e400}', 'not a number'],
  ])('with %s is malformed', async (_what, payload, message) => {
    const answer = await post(payload)
    expect(answer).toMatchObject({ status: 400, code: 'malformed_body' })
    expect(JSON.stringify(answer['errors'])).toContain(message)
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
  })

  test.each([
    ['a missing field', '{}', 'body.name'],
    ['a wrong type', '{"name":7}', 'body.name'],
    ['a field too long', '{"name":"12345678901"}', 'body.name'],
    ['2^53 + 1', '{"name":"a","count":9007199254740993}', 'body.count'],
    ['a number as text', '{"name":"a","count":"1"}', 'body.count'],
    ['an array for an object', '[]', 'body'],
  ])('with %s names the field', async (_what, payload, path) => {
    expect(await post(payload)).toMatchObject({
      status: 400,
      code: 'invalid_input',
      errors: [{ path, message: expect.any(String) }],
      request_id: expect.any(String),
    })
  })

  test('with a field nobody knows is refused, naming it', async () => {
    const answer = await post('{"name":"a","role":"owner"}')
    expect(answer).toMatchObject({ status: 400, code: 'invalid_input' })
    expect(JSON.stringify(answer['errors'])).toContain('role')
  })

  test('in bytes that are no UTF-8 is malformed', async () => {
    const response = await server.inject({
      method: 'POST',
      url: '/things/abc',
      headers: json,
      payload: Buffer.from('{"name":"\xff"}', 'latin1'),
    })
    expect(response.json()).toMatchObject({ status: 400, code: 'malformed_body' })
  })

  test('above the limit is too large', async () => {
    expect(await post(`{"name":"${'a'.repeat(70_000)}"}`)).toMatchObject({
      status: 413,
      code: 'body_too_large',
    })
  })

  test.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded'])(
    'of type %s is not supported',
    async (type) => {
      expect(await post('{"name":"a"}', { 'content-type': type })).toMatchObject({
        status: 415,
        code: 'unsupported_media_type',
      })
    },
  )

  test('that is missing is asked for', async () => {
    const response = await server.inject({ method: 'POST', url: '/things/abc' })
    expect(response.json()).toMatchObject({ status: 400, errors: [{ path: 'body' }] })
  })
})

describe('path, query and headers', () => {
  test('are checked with the body, all problems at once', async () => {
    const answer = await post('{}', json, '/things/ABC?limit=x&page=2')
    expect(answer['errors']).toEqual([
      { path: 'path.id', message: expect.any(String) },
      expect.objectContaining({ path: 'query.limit' }),
      expect.objectContaining({ path: expect.stringMatching(/^query/) }),
      { path: 'body.name', message: expect.any(String) },
    ])
  })
  test.each(['Idempotency-Key', 'If-Match'])('a bad %s names the header', async (name) => {
    expect(await post('{"name":"a"}', { ...json, [name]: 'ключ' })).toMatchObject({
      status: 400,
      errors: [{ path: `header.${name.toLowerCase()}` }],
    })
  })
  test('no such path, and no such method on this path', async () => {
    const nowhere = await server.inject('/nowhere')
    expect(nowhere.json()).toMatchObject({ status: 404, code: 'route_not_found' })
    const wrong = await server.inject({ method: 'DELETE', url: '/things/abc' })
    expect(wrong.json()).toMatchObject({ status: 405, code: 'method_not_allowed' })
    expect(wrong.headers['allow']).toBe('POST')
  })
  test('a view that does not reach the position in time says so', async () => {
    const response = await server.inject('/views?after=9000000000000000000')
    expect(response.json()).toMatchObject({ status: 503, code: 'view_behind' })
    expect(response.headers['retry-after']).toBe('1')
    expect((await server.inject('/views?after=x')).json()).toMatchObject({ status: 400 })
  })
})

describe('what goes wrong inside', () => {
  test('a defect answers 500 with its text hidden, and is logged', async () => {
    const response = await server.inject('/defect')
    expect(response.json()).toMatchObject({ status: 500, code: 'internal' })
    expect(response.body).not.toContain('hunter2')
    expect(logged.at(-1)).toMatchObject({ code: 'internal', route: '/defect' })
  })
  test('a stream that stays busy answers 503 with Retry-After', async () => {
    const response = await server.inject('/busy')
    expect(response.json()).toMatchObject({ status: 503, code: 'stream_busy' })
    expect(response.headers['retry-after']).toBe('1')
  })
  test('an event of a newer release answers 503: another process may know it', async () => {
    const response = await server.inject('/newer')
    expect(response.json()).toMatchObject({ status: 503, code: 'unavailable' })
    expect(response.headers['retry-after']).toBe('1')
    expect(JSON.stringify(logged.at(-1), reveal)).toContain('version 2')
  })
  test('an event that is too large answers 413', async () => {
    expect((await server.inject('/large')).json()).toMatchObject({
      status: 413,
      code: 'event_too_large',
    })
  })
})

describe('every answer', () => {
  test('carries the request id, the client own where it is harmless', async () => {
    const own = await server.inject({ url: '/nowhere', headers: { 'x-request-id': 'client-0001' } })
    expect(own.headers['x-request-id']).toBe('client-0001')
    const odd = await server.inject({ url: '/nowhere', headers: { 'x-request-id': 'a b\tc' } })
    expect(odd.headers['x-request-id']).toMatch(/^[\w-]{36}$/)
  })
  test('speaks the language that is asked for', async () => {
    const headers = { 'accept-language': 'ru' }
    const response = await server.inject({ url: '/nowhere', headers })
    expect(response.headers['content-language']).toBe('ru')
    expect(response.json<{ title: string }>().title).toMatch(/[а-я]/)
  })
  test('names what is wrong with a field in that language', async () => {
    const answer = await post('{"name":7,"x":1}', { ...json, 'accept-language': 'ru' })
    expect(JSON.stringify(answer['errors'])).toMatch(/ожидал/)
    const own = await post('{"name":', { ...json, 'accept-language': 'ru' })
    expect(own['errors']).toEqual([{ path: 'body', message: 'не является правильным JSON' }])
  })
  test('is shown to the browsers of the named origins only', async () => {
    const from = (origin: string) => server.inject({ url: '/nowhere', headers: { origin } })
    const known = await from('https://app.example.com')
    expect(known.headers['access-control-allow-origin']).toBe('https://app.example.com')
    expect(
      (await from('https://evil.example')).headers['access-control-allow-origin'],
    ).toBeUndefined()
  })
})

describe('a process that does not see the end of the log', () => {
  test('changes nothing, and still answers what anybody may read', async () => {
    unseen = 5_001
    const refused = await server.inject({
      method: 'POST',
      url: '/things/a',
      headers: json,
      payload: '{"name":"a"}',
    })
    expect(refused.json()).toMatchObject({ status: 503, code: 'unavailable' })
    expect(refused.headers['retry-after']).toBe('1')
    expect((await server.inject('/views')).statusCode).toBe(200)
    // What is only taken down asks for no right: its sender need not come again.
    const signed = { method: 'POST', url: '/signed', headers: json } as const
    expect((await server.inject({ ...signed, payload: '{}' })).json()).toEqual({ text: '{}' })
    unseen = 4_999
    expect((await post('{"name":"a"}', json))['name']).toBe('a')
  })
})

test('a signed body comes to its route as it was sent, and nothing was unpacked', async () => {
  const signed = { method: 'POST', url: '/signed' } as const
  const payload = Buffer.from([0xef, 0xbb, 0xbf, 0x7b, 0x00, 0xff])
  const headers = { 'content-type': 'application/json' }
  const came = await server.inject({ ...signed, headers, payload })
  expect(came.json()).toEqual({ text: payload.toString('latin1') })
  expect((await server.inject({ ...signed, headers })).json()).toEqual({ text: '' })
  for (const other of [{ ...headers, 'content-encoding': 'gzip' }, { 'content-type': 'text/html' }])
    expect((await server.inject({ ...signed, headers: other, payload })).statusCode).toBe(415)
})

// Last: from here on the door is closed.
test('a server that is stopping takes nothing new, and breaks off what it has begun only at last', async () => {
  const begun = server.inject('/patient')
  await vi.waitFor(() => expect(patient).toBeDefined())
  stopping.abort()
  const response = await server.inject('/views')
  expect(response.json()).toMatchObject({ status: 503, code: 'stopping' })
  expect(response.headers['connection']).toBe('close')
  expect(patient?.aborted).toBe(false)
  breakingOff.abort()
  expect((await begun).json()).toEqual({ brokenOff: true })
})
