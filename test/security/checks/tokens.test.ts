// Checks S-17 to S-24, S-33 and S-34: only a token that we signed, of this kind, for us, and not over, in the one header where it belongs, opens anything.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { importJWK, type JWK, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SIGNING_KEYS } from '../../../src/adapters/signing-keys.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { mailedToken, newPerson, type Person, type TokenAnswer } from '../../support/people.ts'

let app: TestApp
let ada: Person
/** Our own private key, as only a thief would have it: what is refused is refused for what it says. */
let own: { readonly kid: string; readonly jwk: JWK }

beforeAll(async () => {
  app = await startTestApp()
  ada = await newPerson(app)
  const bytes = await app.app.deps.sealer.ownKey(SIGNING_KEYS, () => expect.unreachable())
  const { keys } = JSON.parse(Buffer.from(bytes).toString()) as { keys: (typeof own)[] }
  own = keys[0] ?? expect.unreachable()
})
afterAll(() => app.stop())

const status = async (token: string): Promise<number> =>
  (await app.request('GET /me', { token })).status
const part = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const payloadText = (token = ada.token): string => token.split('.')[1] ?? ''
const claimsOf = (token = ada.token): JWTPayload =>
  JSON.parse(Buffer.from(payloadText(token), 'base64url').toString()) as JWTPayload

async function signed(claims: JWTPayload, header: object = {}): Promise<string> {
  const key = await importJWK(own.jwk, 'EdDSA')
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: own.kid, ...header })
    .sign(key)
}

test('the counter-check: the same token signed with our key opens', async () => {
  expect(await status(ada.token)).toBe(200)
  expect(await status(await signed(claimsOf()))).toBe(200)
})

describe('S-17 algorithms that are none of ours', () => {
  test.each(['none', 'None', 'nOnE', ''])('alg %j', async (alg) => {
    for (const signature of ['', 'c2ln', ada.token.split('.')[2] ?? ''])
      expect(
        await status(`${part({ alg, typ: 'at+jwt', kid: own.kid })}.${payloadText()}.${signature}`),
      ).toBe(401)
  })
  test.each(['HS256', 'HS512'])('%s with the public key as its secret', async (alg) => {
    const text = `${part({ alg, typ: 'at+jwt', kid: own.kid })}.${payloadText()}`
    const { x = '' } = own.jwk
    const hash = `sha${alg.slice(2)}`
    for (const secret of [Buffer.from(x, 'base64url'), x, JSON.stringify(own.jwk)])
      expect(
        await status(`${text}.${createHmac(hash, secret).update(text).digest('base64url')}`),
      ).toBe(401)
  })
  test('RS256 and ES256 by keys of their own, and their names over our signature', async () => {
    const pairs = [
      ['RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey],
      ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
    ] as const
    for (const [alg, key] of pairs) {
      const text = `${part({ alg, typ: 'at+jwt', kid: own.kid })}.${payloadText()}`
      const signature = sign('sha256', Buffer.from(text), key).toString('base64url')
      expect(await status(`${text}.${signature}`)).toBe(401)
      expect(await status(`${text}.${ada.token.split('.')[2] ?? ''}`)).toBe(401)
    }
  })
})

test('S-18 a key that the token brings along or names is never fetched or used', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const jwk = publicKey.export({ format: 'jwk' })
  const before = app.upstream.requests.length
  const address = app.upstream.baseUrl
  for (const header of [
    { kid: own.kid, jwk },
    { kid: own.kid, jku: `${address}/keys` },
    { kid: own.kid, x5u: `${address}/certificate` },
    { kid: own.kid, x5c: ['AAAA'] },
    { kid: `${address}/keys` },
    { kid: '../../x' },
    { kid: "x' OR '1'='1" },
    { kid: '__proto__' },
    { kid: 'k'.repeat(10_000) },
    { kid: 7 },
    { kid: null },
    {},
  ]) {
    const text = `${part({ alg: 'EdDSA', typ: 'at+jwt', ...header })}.${payloadText()}`
    const signature = sign(null, Buffer.from(text), privateKey).toString('base64url')
    expect(await status(`${text}.${signature}`), JSON.stringify(header).slice(0, 80)).toBe(401)
  }
  expect(app.upstream.requests.length).toBe(before)
})

test('S-19 one flipped bit at any place of header, payload or signature', async () => {
  const { token } = ada
  const survived: number[] = []
  for (let at = 0; at < token.length; at++) {
    const changed = token.slice(0, at) + flipped(token[at] ?? '') + token.slice(at + 1)
    if ((await status(changed)) !== 401) survived.push(at)
  }
  expect(survived).toEqual([])
  expect(await status(token)).toBe(200)
})

/** Another character of base64url, or none at all where there is no letter. */
const flipped = (character: string): string => {
  const other = String.fromCharCode(character.charCodeAt(0) ^ 1)
  if (/[\w-]/.test(other)) return other
  return character === 'A' ? 'B' : 'A'
}

test('S-20 one kind of token is never another', async () => {
  const verify = await mailedToken(app, ada.email, 'verify_email')
  for (const token of [ada.refreshToken, verify]) expect(await status(token)).toBe(401)
  for (const typ of ['JWT', 'rt+jwt', 'at+jwt2', '', null, undefined])
    expect(await status(await signed(claimsOf(), { typ })), String(typ)).toBe(401)
  for (const refreshToken of [ada.token, verify]) {
    const body = { refresh_token: refreshToken }
    expect((await app.request('POST /auth/refresh', { body })).status).toBe(401)
  }
})

describe('S-21 claims', () => {
  const inTenMinutes = () => Math.floor(app.clock.now().getTime() / 1_000) + 600
  test.each(['iss', 'aud', 'exp', 'iat', 'sub', 'sid', 'jti'])('without %s', async (name) => {
    const { [name]: _left, ...rest } = claimsOf()
    expect(await status(await signed(rest))).toBe(401)
  })
  test.each([
    ['iss', 'https://other.example'],
    ['iss', ['https://other.example']],
    ['aud', 'https://other.example'],
    ['aud', ''],
    ['exp', '9999999999'],
    ['exp', null],
    ['iat', 'now'],
    ['sub', 7],
    ['sub', ''],
    ['sub', 'usr_0000000000000000000000000z'],
    ['sid', ['x']],
    ['sid', 'ses_00000000000000000000000000'],
    ['sid', '__proto__'],
  ])('%s %j', async (name, value) => {
    expect(await status(await signed({ ...claimsOf(), [name]: value }))).toBe(401)
  })
  test('nbf in ten minutes', async () => {
    expect(await status(await signed({ ...claimsOf(), nbf: inTenMinutes() }))).toBe(401)
  })
  test('the session of somebody else under the own name', async () => {
    const eve = await newPerson(app)
    expect(await status(await signed({ ...claimsOf(), sid: eve.sessionId }))).toBe(401)
  })
})

test('S-22 S-24 an access token lives for 15 minutes and 5 seconds, remembered or not', async () => {
  const person = await newPerson(app)
  const unseen = await signed(claimsOf(person.token))
  expect(await status(person.token)).toBe(200)
  app.clock.advance(15 * 60_000 + 4_000)
  expect(await status(person.token)).toBe(200)
  app.clock.advance(2_000)
  expect(await status(person.token)).toBe(401)
  expect(await status(unseen)).toBe(401)
  ada = await newPerson(app)
})

test('S-23 a token in the query or in a cookie is not looked at', async () => {
  for (const name of ['access_token', 'token', 'authorization', 'daybook_refresh', 'daybook']) {
    expect((await app.request(`GET /me?${name}=${ada.token}`)).status).toBe(401)
    const headers = { cookie: `${name}=${ada.token}` }
    expect((await app.request('GET /me', { headers })).status).toBe(401)
  }
  for (const headers of [
    { 'x-access-token': ada.token },
    { authorization: ada.token },
    { authorization: `Token ${ada.token}` },
    { 'proxy-authorization': `Bearer ${ada.token}` },
  ])
    expect((await app.request('GET /me', { headers })).status).toBe(401)
})

test('S-33 a signing key that was replaced verifies until its tokens are over, then it is gone', async () => {
  const kids = async () => {
    const { body } = await app.request<{ keys: { kid: string; d?: string }[] }>(
      'GET /.well-known/jwks.json',
    )
    for (const key of body.keys) expect(key).not.toHaveProperty('d')
    return body.keys.map(({ kid }) => kid)
  }
  const [old = ''] = await kids()
  const made = await app.app.deps.tokens.rotate()
  expect(await kids()).toEqual([made, old])
  expect(await status(ada.token)).toBe(200)
  const body = { refresh_token: ada.refreshToken }
  const next = await app.request<TokenAnswer>('POST /auth/refresh', { body })
  expect(next.status).toBe(200)
  expect(await status(next.body.access_token)).toBe(200)
  app.clock.advance(32 * 24 * 60 * 60_000)
  const late = await newPerson(app)
  expect(await kids()).toEqual([made])
  // By the replaced key, for a session that lives: only the key is wrong.
  expect(await status(await signed(claimsOf(late.token)))).toBe(401)
  expect(await status(late.token)).toBe(200)
  ada = late
})

test('S-34 a token that is remembered is remembered by its whole text', async () => {
  const people = await Promise.all([newPerson(app), newPerson(app), newPerson(app)])
  const tokens = await Promise.all(
    people.map(async ({ token }) => app.app.deps.tokens.verifyAccess(token, app.clock.now())),
  )
  const whom = async (token: string) =>
    (await app.request<{ id: string }>('GET /me', { token })).body.id
  for (let round = 0; round < 3; round++)
    expect(await Promise.all(people.map(({ token }) => whom(token)))).toEqual(
      people.map(({ userId }) => userId),
    )
  expect(new Set(tokens.map((claims) => claims?.userId)).size).toBe(people.length)
  // The same beginning, another end: never the claims of the one that is known.
  const [first] = people
  if (!first) throw new Error('nobody')
  const [header, payload] = first.token.split('.')
  const other = people[1]?.token.split('.')[2] ?? ''
  expect(await status(`${header}.${payload}.${other}`)).toBe(401)
})
