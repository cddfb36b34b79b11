// No token but a current one of ours, of the right kind, opens anything.
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createJoseTokens } from '../../../src/adapters/jose.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { newPerson, PASSWORD, type Person, register } from '../../support/people.ts'

let app: TestApp
let ada: Person
beforeAll(async () => {
  app = await startTestApp()
  ada = await newPerson(app)
})
afterAll(() => app.stop())

const me = (token: string) => app.request('GET /me', { token })
const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const decoded = (token: string, index: number): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString())

describe('access tokens', () => {
  test('the one that was given out opens', async () => {
    expect((await me(ada.token)).status).toBe(200)
  })
  test.each(['none', 'None', 'nOnE', ''])('alg %j is refused', async (alg) => {
    const payload = ada.token.split('.')[1]
    for (const signature of ['', 'c2ln'])
      expect((await me(`${part({ alg, typ: 'at+jwt' })}.${payload}.${signature}`)).status).toBe(401)
  })
  test('HS256 over the public key is refused', async () => {
    const { body } = await app.request<{ keys: { x: string; kid: string }[] }>(
      'GET /.well-known/jwks.json',
    )
    const [key] = body.keys
    const signed = `${part({ alg: 'HS256', typ: 'at+jwt', kid: key?.kid })}.${ada.token.split('.')[1]}`
    const secret = Buffer.from(key?.x ?? '', 'base64url')
    const signature = createHmac('sha256', secret).update(signed).digest('base64url')
    expect((await me(`${signed}.${signature}`)).status).toBe(401)
  })
  test('another key is refused, under our kid, its own, or one that it brings along', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const jwk = publicKey.export({ format: 'jwk' })
    const kid = decoded(ada.token, 0)['kid']
    for (const header of [
      { kid },
      { kid: 'mine' },
      { kid, jwk },
      { kid: '../../etc/passwd' },
      {},
    ]) {
      const token = await signedBy(privateKey, header, decoded(ada.token, 1))
      expect((await me(token)).status).toBe(401)
    }
  })
  test('a flipped bit anywhere is refused', async () => {
    const { token } = ada
    for (let at = 0; at < token.length; at += 7) {
      if (token[at] === '.') continue
      const flipped = token[at] === 'A' ? 'B' : 'A'
      const changed = token.slice(0, at) + flipped + token.slice(at + 1)
      if (changed !== token) expect((await me(changed)).status).toBe(401)
    }
  })
  test.each([
    { audience: 'https://other.example' },
    { issuer: 'https://other.example' },
    { issuer: 'https://other.example', audience: 'https://other.example' },
  ])('%j, signed by our own key, is refused', async (wrong) => {
    const { deps } = app.app
    const { sealer, clock, settings } = deps
    const right = { issuer: settings.publicUrl, audience: settings.publicUrl }
    const claims = await deps.tokens.verifyAccess(ada.token, clock.now())
    if (!claims) throw new Error('the token is good')
    const signed = async (options: typeof right) =>
      createJoseTokens({ sealer, clock, ...options }).signAccess(claims)
    expect((await me(await signed(right))).status).toBe(200)
    expect((await me(await signed({ ...right, ...wrong }))).status).toBe(401)
  })
  test('a refresh token is no access token, nor the other way round', async () => {
    expect((await me(ada.refreshToken)).status).toBe(401)
    const body = { refresh_token: ada.token }
    expect((await app.request('POST /auth/refresh', { body })).status).toBe(401)
  })
  test.each([
    ['no header', {}],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['an empty token', { authorization: 'Bearer ' }],
    ['ten thousand characters', { authorization: `Bearer ${'x'.repeat(10_000)}` }],
    ['a cookie', { cookie: 'access_token=x' }],
  ])('%s is refused as a problem document', async (_name, headers) => {
    const reply = await app.request('GET /me', { headers })
    expect(reply.status).toBe(401)
    expect(reply.body).toMatchObject({ code: 'unauthenticated', status: 401 })
    expect(reply.headers['www-authenticate']).toContain('Bearer')
  })
  test('a token in the query is not looked at', async () => {
    expect((await app.request(`GET /me?access_token=${ada.token}`)).status).toBe(401)
  })
})

describe('time', () => {
  test('an access token ends after 15 minutes', async () => {
    const later = await startTestApp()
    try {
      const { token } = await newPerson(later)
      later.clock.advance(15 * 60_000 - 1_000)
      expect((await later.request('GET /me', { token })).status).toBe(200)
      later.clock.advance(7_000)
      expect((await later.request('GET /me', { token })).status).toBe(401)
    } finally {
      await later.stop()
    }
  })
  test('a session ends after 30 days without a refresh, and after 90 in any case', async () => {
    const later = await startTestApp()
    const day = 24 * 60 * 60_000
    const refresh = async (token: string) =>
      later.request<{ refresh_token: string }>('POST /auth/refresh', {
        body: { refresh_token: token },
      })
    try {
      const idle = await newPerson(later)
      let { refreshToken } = await newPerson(later)
      for (const days of [29, 29, 29]) {
        later.clock.advance(days * day)
        const reply = await refresh(refreshToken)
        expect(reply.status).toBe(200)
        refreshToken = reply.body.refresh_token
      }
      expect((await refresh(idle.refreshToken)).status).toBe(401)
      later.clock.advance(3 * day + 6_000)
      expect((await refresh(refreshToken)).status).toBe(401)
    } finally {
      await later.stop()
    }
  })
})

describe('POST /auth/login', () => {
  test.each([
    ['another case', PASSWORD.toUpperCase()],
    ['a trailing space', `${PASSWORD} `],
    ['all but the last character', PASSWORD.slice(0, -1)],
    ['nothing like it', 'something else entirely'],
  ])('refuses %s', async (_name, password) => {
    const email = await register(app)
    const reply = await app.request('POST /auth/login', { body: { email, password } })
    expect(reply.status).toBe(401)
    expect(reply.body).toMatchObject({ code: 'invalid_credentials' })
  })
})

describe('POST /auth/refresh', () => {
  test.each(['', 'x', 'a.b.c'])('refuses the cookie %j', async (value) => {
    const headers = { cookie: `daybook_refresh=${value}`, origin: app.app.deps.settings.publicUrl }
    expect((await app.request('POST /auth/refresh', { headers })).status).toBe(401)
  })
  test('refuses a good cookie from another origin, or from none', async () => {
    const { refreshToken } = await newPerson(app)
    const cookie = `daybook_refresh=${refreshToken}`
    for (const origin of [{}, { origin: 'https://evil.example' }, { origin: 'null' }]) {
      const reply = await app.request('POST /auth/refresh', { headers: { cookie, ...origin } })
      expect(reply.status).toBe(401)
    }
  })
})

const signedBy = (key: KeyObject, header: object, claims: Record<string, unknown>) =>
  new SignJWT(claims).setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', ...header }).sign(key)
