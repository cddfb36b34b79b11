// Checks S-52, S-53, S-71, S-72, S-88 to S-90, S-92, S-96, S-107 and S-108: what comes over the wire is one request that means one thing, and every answer says how it may be used.
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { assertDeclared } from '../../../src/api/declared.ts'
import type { AnyRoute } from '../../../src/api/route.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { newPerson, type Person } from '../../support/people.ts'
import { everyRoute, nameOf } from '../../support/whole-api.ts'

const ORIGIN = 'https://app.example.com'

let app: TestApp
let ada: Person
let base: URL
const failures: object[] = []
beforeAll(async () => {
  const quiet = () => undefined
  const error = (fields: object) => void failures.push(fields)
  const logger = { debug: quiet, info: quiet, warn: quiet, error }
  app = await startTestApp({ CORS_ORIGINS: ORIGIN }, { logger })
  ada = await newPerson(app)
  base = new URL(await app.listen())
})
afterAll(() => app.stop())

/** These bytes on a connection of their own; what comes back until the server closes it. */
async function wire(bytes: string | Buffer): Promise<string> {
  const socket = open()
  let answer = ''
  socket.on('data', (piece: Buffer) => (answer += piece.toString('latin1')))
  socket.write(bytes)
  await once(socket, 'close')
  return answer
}
function open(): Socket {
  const socket = connect(Number(base.port), base.hostname)
  socket.on('error', () => undefined)
  return socket
}
const head = (lines: readonly string[]): string => [...lines, '', ''].join('\r\n')
const bearer = () => `Authorization: Bearer ${ada.token}`
const statusesOf = (answer: string): number[] =>
  [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((match) => Number(match[1]))

describe('S-52 a route that does not say who may use it', () => {
  const [some] = [{ method: 'GET', path: '/x', access: undefined }] as unknown as AnyRoute[]
  test('stops the start', () => {
    if (!some) throw new Error('no route')
    expect(() => assertDeclared([some])).toThrow('access is not declared')
    const access = { actor: 'anyone', resource: 'x', action: 'read' }
    const half = { ...some, access } as unknown as AnyRoute
    expect(() => assertDeclared([half])).toThrow('access.limits')
    const free = { ...some, access: { ...access, limits: [] } } as unknown as AnyRoute
    expect(() => assertDeclared([free])).toThrow('access.limits is empty')
  })
  test('does not exist: without a token only what is for anyone answers', async () => {
    const closed = everyRoute(app.app).filter(({ access }) => access.actor !== 'anyone')
    expect(closed.length).toBeGreaterThan(50)
    const odd: unknown[] = []
    for (const route of closed) {
      const path = route.path.replaceAll(/\{\w+\}/g, 'x')
      const { status } = await app.request(`${route.method} ${path}`)
      if (status !== 401) odd.push([nameOf(route), status])
    }
    expect(odd).toEqual([])
  })
})

describe('S-53 a method or a path that only looks like another', () => {
  const ask = (method: string, url: string, headers: Record<string, string> = {}) =>
    app.app.server.inject({ method: method as 'GET', url, headers })
  test.each(['X-HTTP-Method-Override', 'X-Method-Override', 'X-HTTP-Method'])(
    '%s changes nothing',
    async (name) => {
      const authorization = `Bearer ${ada.token}`
      const reply = await ask('GET', '/me', { [name]: 'DELETE', authorization })
      expect([reply.statusCode, reply.json<{ id: string }>().id]).toEqual([200, ada.userId])
      expect((await ask('POST', '/me', { [name]: 'GET', authorization })).statusCode).toBe(405)
    },
  )
  test.each(['HEAD', 'OPTIONS', 'TRACE', 'PROPFIND', 'CONNECT', 'BREW'])(
    '%s on a route opens nothing',
    async (method) => {
      const answer = await wire(
        head([`${method} /me HTTP/1.1`, `Host: ${base.host}`, 'Connection: close']),
      )
      for (const status of statusesOf(answer)) expect([400, 404, 405]).toContain(status)
      expect(answer).not.toContain(ada.userId)
    },
  )
  test('405 says which methods there are', async () => {
    const reply = await ask('DELETE', '/me')
    expect([reply.statusCode, reply.headers['allow']]).toEqual([405, 'GET, PATCH'])
  })
  test.each([
    '//me',
    '/./me',
    '/x/../me',
    '/%2e%2e/me',
    '/%2e/me',
    '/ME',
    '/me/',
    '/me%2f',
    '/me;x=1',
    '/me.css',
    '/me%00',
    '/me\\',
  ])('%s is not /me', async (path) => {
    for (const token of [undefined, ada.token]) {
      const reply = await wire(
        head([
          `GET ${path} HTTP/1.1`,
          `Host: ${base.host}`,
          'Connection: close',
          ...(token === undefined ? [] : [bearer()]),
        ]),
      )
      for (const status of statusesOf(reply)) expect([400, 401, 404]).toContain(status)
      expect(reply).not.toContain(ada.userId)
    }
  })
})

describe('S-71 a body', () => {
  const post = (lines: readonly string[], body: string | Buffer) =>
    wire(
      Buffer.concat([
        Buffer.from(
          head([
            'POST /organizations HTTP/1.1',
            `Host: ${base.host}`,
            'Connection: close',
            bearer(),
            'Content-Type: application/json',
            ...lines,
          ]),
        ),
        Buffer.from(body),
      ]),
    )
  /** In full: a path, and how many bytes it takes. */
  const limits = [
    ['/organizations', 64 * 1024],
    ['/agents/x/versions', 160 * 1024],
    ['/agents/x/invoke', 512 * 1024],
    ['/v1/chat/completions', 512 * 1024],
  ] as const
  test.each(limits)('of one byte more than %s takes is too large', async (url, limit) => {
    const ask = (bytes: number) =>
      app.app.server.inject({
        method: 'POST',
        url,
        headers: { authorization: `Bearer ${ada.token}`, 'content-type': 'application/json' },
        payload: `{"x":"${'a'.repeat(bytes - 8)}"}`,
      })
    expect((await ask(limit + 1)).statusCode).toBe(413)
    expect((await ask(limit)).statusCode).not.toBe(413)
  })
  test('with a wrong length is no request', async () => {
    const longer = await post(['Content-Length: 5'], '{"name":"x"}')
    for (const status of statusesOf(longer)) expect(status).toBe(400)
    for (const length of ['-1', 'x', '1, 2', '0x10'])
      expect(statusesOf(await post([`Content-Length: ${length}`], '{}')), length).toEqual([400])
  })
  test('that is compressed is not read', async () => {
    const zipped = gzipSync('{"name":"zipped"}')
    const reply = await post(['Content-Encoding: gzip', `Content-Length: ${zipped.length}`], zipped)
    expect([400, 415]).toContain(statusesOf(reply)[0])
  })
  test('that waits for 100-continue, or for anything else', async () => {
    const body = '{"name":7}'
    const lines = [`Content-Length: ${body.length}`]
    expect(statusesOf(await post(['Expect: 100-continue', ...lines], body)).at(-1)).toBe(400)
    expect(statusesOf(await post(['Expect: 200-maybe', ...lines], body))[0]).toBe(417)
  })
})

describe('S-72 somebody slow', () => {
  test('has a bounded time for a request', () => {
    const { server } = app.app.server
    expect(server.requestTimeout).toBe(30_000)
    expect(server.headersTimeout).toBeLessThanOrEqual(60_000)
    expect(server.keepAliveTimeout).toBeLessThanOrEqual(72_000)
    expect(server.maxHeadersCount ?? 2_000).toBeLessThanOrEqual(2_000)
  })
  test('keeps nobody else waiting', async () => {
    const sockets = Array.from({ length: 300 }, (_, nth) => {
      const socket = open()
      if (nth % 3 === 0) socket.write(`GET /me HTTP/1.1\r\nHost: x\r\nX-Slow: `)
      if (nth % 3 === 1)
        socket.write(
          head(['POST /auth/login HTTP/1.1', 'Host: x', 'Content-Length: 1000']) + '{"email":',
        )
      return socket
    })
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    const replies = await Promise.all(
      Array.from({ length: 20 }, () =>
        fetch(new URL('/me', base), { headers: { authorization: `Bearer ${ada.token}` } }),
      ),
    )
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]))
    for (const socket of sockets) socket.destroy()
  })
})

describe('S-88 S-108 every answer', () => {
  test('says its type, is not to be guessed or kept, and does not say what made it', async () => {
    const odd: unknown[] = []
    for (const route of everyRoute(app.app)) {
      const path = route.path.replaceAll(/\{\w+\}/g, 'x')
      for (const token of [undefined, ada.token]) {
        const { status, headers } = await app.request(
          `${route.method} ${path}`,
          token === undefined || path === '/auth/logout' ? {} : { token },
        )
        const publicPages = /^\/(openapi\.json|docs|\.well-known)/.test(path)
        const found = {
          nosniff: headers['x-content-type-options'] === 'nosniff',
          kept: publicPages ? 'may be' : headers['cache-control'],
          type:
            status === 204 ||
            /^(application\/(problem\+)?json|text\/(html|csv|event-stream))/.test(
              String(headers['content-type']),
            ),
          maker: headers['server'] ?? headers['x-powered-by'],
        }
        const right = { nosniff: true, kept: publicPages ? 'may be' : 'no-store', type: true }
        if (JSON.stringify(found) !== JSON.stringify(right)) odd.push([nameOf(route), found])
      }
    }
    expect(odd).toEqual([])
  })
  test.each(['/nowhere', '/me.css', '/me/x.js', '/%ff', '/docs/me'])(
    '%s too, whatever its name looks like',
    async (url) => {
      const { statusCode, headers } = await app.app.server.inject({
        url,
        headers: { 'x-forwarded-host': 'evil.example', 'x-original-url': '/me' },
      })
      expect([400, 404]).toContain(statusCode)
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
      })
    },
  )
  test('the page of the documents may load and run nothing', async () => {
    const { headers } = await app.app.server.inject('/docs')
    expect(headers['content-security-policy']).toContain("default-src 'none'")
  })
})

describe('S-89 browsers of other origins', () => {
  const from = (origin: string, method: 'GET' | 'OPTIONS' = 'GET') =>
    app.app.server.inject({
      method,
      url: '/me',
      headers: {
        origin,
        authorization: `Bearer ${ada.token}`,
        ...(method === 'OPTIONS' ? { 'access-control-request-method': 'PATCH' } : {}),
      },
    })
  test.each([
    'https://evil.example',
    'null',
    `${ORIGIN}.evil.example`,
    'https://evil-app.example.com',
    'https://xapp.example.com',
    'http://app.example.com',
    `${ORIGIN}:8443`,
    `${ORIGIN}/`,
    ORIGIN.toUpperCase(),
  ])('%s is told nothing', async (origin) => {
    for (const method of ['GET', 'OPTIONS'] as const) {
      const { headers } = await from(origin, method)
      expect(headers['access-control-allow-origin']).toBeUndefined()
    }
  })
  test('the named one is, by its own name and never by a star', async () => {
    const { headers } = await from(ORIGIN)
    expect(headers['access-control-allow-origin']).toBe(ORIGIN)
    expect(headers['vary']).toMatch(/origin/i)
    const preflight = await from(ORIGIN, 'OPTIONS')
    expect(preflight.statusCode).toBe(204)
    expect(preflight.headers['access-control-allow-methods']).not.toContain('*')
  })
})

describe('S-90 X-Forwarded-For', () => {
  const addresses = async (of: TestApp, forwarded: string, remoteAddress: string) => {
    const person = await newPerson(of)
    const reply = await of.app.server.inject({
      method: 'POST',
      url: '/auth/login',
      remoteAddress,
      headers: { 'x-forwarded-for': forwarded },
      payload: { email: person.email, password: 'correct mule battery staple' },
    })
    const token = reply.json<{ access_token: string }>().access_token
    const { body } = await of.request<{ items: { current: boolean; address: string }[] }>(
      'GET /me/sessions',
      { token },
    )
    return body.items.find(({ current }) => current)?.address
  }
  test.each(['1.2.3.4', Array<string>(50).fill('1.2.3.4').join(', '), 'garbage', "'; --"])(
    'from anybody is not believed: %s',
    async (forwarded) => {
      expect(await addresses(app, forwarded, '203.0.113.9')).toBe('203.0.113.9')
    },
  )
  test('is believed from the named proxies alone, and only as far as they go', async () => {
    const behind = await startTestApp({ TRUST_PROXY: '10.0.0.0/8' })
    try {
      expect(await addresses(behind, '1.2.3.4', '10.1.2.3')).toBe('1.2.3.4')
      expect(await addresses(behind, '6.6.6.6, 1.2.3.4, 10.9.9.9', '10.1.2.3')).toBe('1.2.3.4')
      expect(await addresses(behind, '1.2.3.4', '203.0.113.9')).toBe('203.0.113.9')
    } finally {
      await behind.stop()
    }
  })
})

test('S-92 S-94 a defect is an id to the client, one line to us, and the process lives', async () => {
  const { deps } = app.app
  const secret = 'the password is hunter2\n{"level":"info"}\u001b[31m'
  const load = vi.spyOn(deps.streams, 'load').mockRejectedValue(new Error(secret))
  const before = failures.length
  try {
    const reply = await app.request('GET /me', { token: ada.token })
    expect(reply.status).toBe(500)
    expect(reply.text).not.toContain('hunter2')
    expect(reply.body).toMatchObject({ code: 'internal', request_id: expect.any(String) })
    expect(failures.slice(before)).toHaveLength(1)
  } finally {
    load.mockRestore()
  }
  expect((await app.request('GET /me', { token: ada.token })).status).toBe(200)
})

test('S-96 without signing in: alive, ready, the documents and the public keys, and no figure of ours', async () => {
  const live = await app.request('GET /health/live')
  expect(live.body).toEqual({ status: 'alive' })
  const ready = await app.request<{ checks: object[] }>('GET /health/ready')
  expect(ready.status).toBe(200)
  for (const check of ready.body.checks)
    expect(Object.keys(check).toSorted()).toEqual(['name', 'ok'])
  expect((await app.request('GET /metrics')).status).toBe(404)
  expect((await app.request('GET /openapi.json')).status).toBe(200)
})

describe('S-107 two requests in one', () => {
  const smuggled = 'GET /me HTTP/1.1\r\nHost: x\r\nX: '
  test.each([
    [
      'a length and chunks',
      ['Content-Length: 6', 'Transfer-Encoding: chunked'],
      `0\r\n\r\n${smuggled}`,
    ],
    ['chunks and a length', ['Transfer-Encoding: chunked', 'Content-Length: 4'], '5c\r\n'],
    ['chunks by another name', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
    ['chunks said twice', ['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'],
    ['two lengths', ['Content-Length: 2', 'Content-Length: 40'], `{}${smuggled}`],
    ['a folded line', ['Content-Length: 2', 'X-A: b', ' folded'], '{}'],
    ['a space before the colon', ['Content-Length : 2'], '{}'],
    ['a chunk that is no number', ['Transfer-Encoding: chunked'], 'zz\r\n{}\r\n0\r\n\r\n'],
  ])('%s: 400, and the connection is closed', async (_what, lines, rest) => {
    const start = ['POST /auth/refresh HTTP/1.1', `Host: ${base.host}`]
    const type = 'Content-Type: application/json'
    const answer = await wire(head([...start, type, ...lines]) + rest)
    expect(statusesOf(answer)).toEqual([400])
  })
  test('bare line feeds are no ends of lines', async () => {
    const answer = await wire('GET /me HTTP/1.1\nHost: x\nConnection: close\n\n')
    expect(statusesOf(answer)).toEqual([400])
  })
  test('a header of 20 KB is refused', async () => {
    const answer = await wire(
      head(['GET /me HTTP/1.1', 'Host: x', `X-Long: ${'a'.repeat(20_000)}`]),
    )
    expect([400, 431]).toContain(statusesOf(answer)[0])
  })
  test('no header of ours carries a line of the client', async () => {
    const request = httpRequest(new URL('/me?x=%0d%0aSet-Cookie:%20a=b', base), {
      headers: { 'x-request-id': 'a'.repeat(70), origin: ORIGIN },
    }).end()
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage]
    response.resume()
    expect(response.headers['set-cookie']).toBeUndefined()
    expect(response.headers['x-request-id']).not.toContain('aaaa')
  })
})
