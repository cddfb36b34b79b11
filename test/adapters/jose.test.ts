// Only a token that we signed, of this kind, for us and not over, says who somebody is.
import { hash } from 'node:crypto'
import * as jose from 'jose'
import { beforeEach, describe, expect, test } from 'vitest'
import { createJoseTokens } from '../../src/adapters/jose.ts'
import { createSealer } from '../../src/adapters/sealing.ts'
import { SIGNING_KEYS } from '../../src/adapters/signing-keys.ts'
import type { Tokens } from '../../src/ports/tokens.ts'
import type { Sealer } from '../../src/ports/sealer.ts'
import { memoryKeyStore } from '../support/key-store.ts'

const DAY = 24 * 60 * 60
const issuer = 'https://daybook.example'
const issuedAt = 1_760_000_000
const atSecond = (offset: number) => new Date((issuedAt + offset) * 1000)
const access = { userId: 'usr_1', sessionId: 'ses_1', issuedAt, expiresAt: issuedAt + 900 }
const refresh = { ...access, generation: 3, expiresAt: issuedAt + 30 * DAY }

/** RFC 8037, appendix A. */
const RFC_KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
}
const thumbprint = ({ crv, kty, x }: Record<string, unknown>) =>
  hash('sha256', JSON.stringify({ crv, kty, x }), 'base64url')

interface World {
  sealer: Sealer
  tokens: Tokens
  clock: { now: () => Date; at: Date }
}
let world: World

async function start(keys = memoryKeyStore(), cachedTokens?: number): Promise<World> {
  const clock = { at: atSecond(0), now: () => clock.at }
  const sealer = await createSealer({ keys, masterKey: Buffer.alloc(32, 7) })
  const cache = cachedTokens === undefined ? {} : { cachedTokens }
  return { sealer, clock, tokens: createJoseTokens({ sealer, clock, issuer, ...cache }) }
}
beforeEach(async () => {
  world = await start()
})

/** The private key of the installation, as only a thief would have it. */
async function ownKey(): Promise<{ kid: string; jwk: jose.JWK }> {
  await world.tokens.jwks()
  const bytes = await world.sealer.ownKey(SIGNING_KEYS, () => expect.unreachable())
  const { keys } = JSON.parse(Buffer.from(bytes).toString()) as {
    keys: { kid: string; jwk: jose.JWK }[]
  }
  return keys[0] ?? expect.unreachable()
}

describe('vectors', () => {
  test('the key and the token of RFC 8037 verify until they expire', async () => {
    const { sealer, clock } = world
    const stored = { kid: 'test-1', createdAt: atSecond(0).toISOString(), jwk: RFC_KEY }
    await sealer.ownKey(SIGNING_KEYS, async () => Buffer.from(JSON.stringify({ keys: [stored] })))
    const tokens = createJoseTokens({
      sealer,
      clock,
      issuer: 'https://auth.example.test',
      audience: 'https://api.example.test',
    })
    const token =
      'eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6InRlc3QtMSJ9.eyJzY29wZSI6ImNoYXQ6cnVuIiwic2lkIjoic2Vzc18xIiwiaXNzIjoiaHR0cHM6Ly9hdXRoLmV4YW1wbGUudGVzdCIsImF1ZCI6Imh0dHBzOi8vYXBpLmV4YW1wbGUudGVzdCIsInN1YiI6InVzZXJfMSIsImp0aSI6Imp0aV8xIiwiaWF0IjoxNzYwMDAwMDAwLCJleHAiOjE3NjAwMDA2MDB9.b0AQNRPlcJPseTYm5AnbPC3z1VfB9Bk8QZCepVffPgcVVIOKOdGDpL3piFZggXYGyYkL3KKwbYV-R5d2kP_YDA'
    const claims = { userId: 'user_1', sessionId: 'sess_1', issuedAt, expiresAt: issuedAt + 600 }
    expect(await tokens.verifyAccess(token, atSecond(300))).toEqual(claims)
    expect(await tokens.verifyAccess(token, atSecond(604))).toEqual(claims)
    expect(await tokens.verifyAccess(token, atSecond(606))).toBeUndefined()
    const fresh = createJoseTokens({
      sealer,
      clock,
      issuer: 'https://auth.example.test',
      audience: 'https://api.example.test',
    })
    expect(await fresh.verifyAccess(token, atSecond(606))).toBeUndefined()
  })

  test('a kid is the thumbprint of RFC 7638, and only public parts are published', async () => {
    expect(thumbprint(RFC_KEY)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
    const { keys } = await world.tokens.jwks()
    expect(keys).toHaveLength(1)
    const key = keys[0] ?? {}
    expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x'])
    expect(key).toMatchObject({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' })
    expect(key['kid']).toBe(thumbprint(key))
  })
})

describe('our tokens', () => {
  test('come back with their claims', async () => {
    const { tokens } = world
    const token = await tokens.signAccess(access)
    expect(jose.decodeProtectedHeader(token)).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' })
    expect(jose.decodeJwt(token)).toMatchObject({
      iss: issuer,
      aud: issuer,
      sub: 'usr_1',
      sid: 'ses_1',
    })
    for (let use = 0; use < 3; use++)
      expect(await tokens.verifyAccess(token, atSecond(1))).toEqual(access)
    expect(await tokens.verifyRefresh(await tokens.signRefresh(refresh), atSecond(1))).toEqual(
      refresh,
    )
  })

  test('a refresh token signed again is the same token, an access token is not', async () => {
    const { tokens } = world
    expect(await tokens.signRefresh(refresh)).toBe(await tokens.signRefresh(refresh))
    expect(await tokens.signAccess(access)).not.toBe(await tokens.signAccess(access))
  })

  test('one kind is never taken for the other', async () => {
    const { tokens } = world
    expect(
      await tokens.verifyAccess(await tokens.signRefresh(refresh), atSecond(1)),
    ).toBeUndefined()
    expect(await tokens.verifyRefresh(await tokens.signAccess(access), atSecond(1))).toBeUndefined()
  })

  test('end at exp and 5 seconds, remembered or not', async () => {
    const { tokens } = world
    const token = await tokens.signAccess(access)
    expect(await tokens.verifyAccess(token, atSecond(904))).toEqual(access)
    expect(await tokens.verifyAccess(token, atSecond(905))).toBeUndefined()
    expect(
      await tokens.verifyAccess(await tokens.signAccess(access), atSecond(905)),
    ).toBeUndefined()
  })

  test('more of them than are remembered still verify', async () => {
    const { tokens } = await start(memoryKeyStore(), 2)
    const signed = await Promise.all([1, 2, 3, 4].map(() => tokens.signAccess(access)))
    for (const token of [...signed, ...signed])
      expect(await tokens.verifyAccess(token, atSecond(1))).toEqual(access)
  })
})

describe('forged tokens', () => {
  const claims = {
    iss: issuer,
    aud: issuer,
    sub: 'usr_1',
    sid: 'ses_1',
    jti: 'j',
    iat: issuedAt,
    exp: issuedAt + 900,
  }
  const header = { alg: 'EdDSA', typ: 'at+jwt' }
  const text = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = async (head: object, payload: object) => {
    const { kid, jwk } = await ownKey()
    const key = await jose.importJWK(jwk, 'EdDSA')
    return new jose.CompactSign(Buffer.from(JSON.stringify(payload)))
      .setProtectedHeader({ ...header, kid, ...head })
      .sign(key)
  }
  const verify = (token: string) => world.tokens.verifyAccess(token, atSecond(1))

  test('the way of forging works when nothing is wrong', async () => {
    expect(await verify(await signed({}, claims))).toEqual(access)
  })

  test('one changed character anywhere', async () => {
    const token = await world.tokens.signAccess(access)
    await verify(token)
    for (let i = 0; i < token.length; i++) {
      if (token[i] === '.') continue
      const changed = token.slice(0, i) + (token[i] === 'A' ? 'B' : 'A') + token.slice(i + 1)
      expect(await verify(changed), String(i)).toBeUndefined()
    }
  })

  test('another spelling of the same bytes', async () => {
    const token = await world.tokens.signAccess(access)
    const spellings = [`${token}=`, `${token}==`, `${token} `, ` ${token}`, `${token}\n`]
    // The last character of 64 bytes in base64url has four bits that decode to nothing.
    for (const last of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split(''))
      if (!token.endsWith(last)) spellings.push(token.slice(0, -1) + last)
    for (const spelling of spellings)
      expect(await verify(spelling), spelling.slice(-4)).toBeUndefined()
  })

  test('alg none in any spelling, or HS256 by the public key', async () => {
    const { kid, jwk } = await ownKey()
    for (const alg of ['none', 'None', 'nOnE', '', undefined, 'EdDSA', 'HS256'])
      expect(await verify(`${text({ ...header, alg, kid })}.${text(claims)}.`)).toBeUndefined()
    const confused = await new jose.SignJWT(claims)
      .setProtectedHeader({ ...header, alg: 'HS256', kid })
      .sign(Buffer.from(String(jwk.x).padEnd(32, '=')))
    expect(await verify(confused)).toBeUndefined()
  })

  test('another key, also when the header brings or names it', async () => {
    const { kid } = await ownKey()
    const pair = await jose.generateKeyPair('EdDSA', { extractable: true })
    const jwk = await jose.exportJWK(pair.publicKey)
    const heads = [
      { kid },
      { kid: undefined },
      { kid: 'unknown' },
      { kid: '../../x' },
      { kid: 'https://evil.example/jwks' },
      { kid, jwk },
      { kid: undefined, jwk },
      { kid, jku: 'https://evil.example/jwks' },
      { kid, x5u: 'https://evil.example/cert' },
      { kid: 'x'.repeat(10_000) },
    ]
    for (const head of heads) {
      const token = await new jose.CompactSign(Buffer.from(JSON.stringify(claims)))
        .setProtectedHeader({ ...header, ...head } as jose.CompactJWSHeaderParameters)
        .sign(pair.privateKey)
      expect(await verify(token), JSON.stringify(head).slice(0, 80)).toBeUndefined()
    }
  })

  test.each([
    ['another issuer', {}, { iss: 'https://evil.example' }],
    ['another audience', {}, { aud: 'https://other.example' }],
    ['no issuer', {}, { iss: undefined }],
    ['no audience', {}, { aud: undefined }],
    ['no exp', {}, { exp: undefined }],
    ['no iat', {}, { iat: undefined }],
    ['no sub', {}, { sub: undefined }],
    ['no sid', {}, { sid: undefined }],
    ['no jti', {}, { jti: undefined }],
    ['exp as a string', {}, { exp: String(issuedAt + 900) }],
    ['sub as an object', {}, { sub: { id: 'usr_1' } }],
    ['sid as a number', {}, { sid: 1 }],
    ['not valid yet', {}, { nbf: issuedAt + 600 }],
    ['another type', { typ: 'JWT' }, {}],
    ['no type', { typ: undefined }, {}],
  ])('signed by us, but with %s', async (_name, head, change) => {
    expect(await verify(await signed(head, { ...claims, ...change }))).toBeUndefined()
  })

  test('a refresh token without a whole generation', async () => {
    for (const gen of [undefined, '3', 1.5, null]) {
      const token = await signed({ typ: 'rt+jwt' }, { ...claims, gen })
      expect(await world.tokens.verifyRefresh(token, atSecond(1))).toBeUndefined()
    }
  })

  test('what is no token at all', async () => {
    for (const token of [
      '',
      '.',
      '..',
      'a.b.c',
      'null',
      '{}',
      '\0',
      '🐎',
      'e30.e30.e30',
      'x'.repeat(100_000),
    ])
      expect(await verify(token)).toBeUndefined()
  })
})

describe('rotation', () => {
  test('the new key signs, the old one verifies until its tokens have ended', async () => {
    const { tokens, clock } = world
    const old = await tokens.signRefresh(refresh)
    clock.at = atSecond(100)
    const kid = await tokens.rotate()
    expect(jose.decodeProtectedHeader(await tokens.signAccess(access)).kid).toBe(kid)
    expect(await tokens.verifyRefresh(old, atSecond(101))).toEqual(refresh)
    expect((await tokens.jwks()).keys.map((key) => key['kid'])).toEqual([
      kid,
      jose.decodeProtectedHeader(old).kid,
    ])
    clock.at = atSecond(100 + 31 * DAY)
    expect((await tokens.jwks()).keys.map((key) => key['kid'])).toEqual([kid])
    // Even for whoever would sign a longer-lived one with the old key.
    expect(await tokens.verifyRefresh(old, atSecond(101))).toBeUndefined()
    await tokens.rotate()
    expect((await tokens.jwks()).keys).toHaveLength(2)
  })

  test('another process takes the new key up: at once to verify, within a minute to sign', async () => {
    const keys = memoryKeyStore()
    const [one, two] = [await start(keys), await start(keys)]
    await Promise.all([one.tokens.signAccess(access), two.tokens.signAccess(access)])
    one.clock.at = two.clock.at = atSecond(10)
    const kid = await one.tokens.rotate()
    const token = await one.tokens.signAccess(access)
    expect(await two.tokens.verifyAccess(token, atSecond(11))).toEqual(access)
    const three = await start(keys)
    await three.tokens.jwks()
    const later = await one.tokens.rotate()
    three.clock.at = atSecond(61)
    expect(jose.decodeProtectedHeader(await three.tokens.signAccess(access)).kid).toBe(later)
    expect(later).not.toBe(kid)
  })

  test('a start after a rotation knows all keys', async () => {
    const keys = memoryKeyStore()
    const first = await start(keys)
    const token = await first.tokens.signAccess(access)
    await first.tokens.rotate()
    const second = await start(keys)
    expect(await second.tokens.verifyAccess(token, atSecond(1))).toEqual(access)
    expect(await second.tokens.jwks()).toEqual(await first.tokens.jwks())
  })

  test('unknown kids do not make us ask the key store more than once a second', async () => {
    const keys = memoryKeyStore()
    let asked = 0
    const counting = { ...keys, get: (id: string) => (asked++, keys.get(id)) }
    const { tokens, clock } = await start(counting)
    await tokens.jwks()
    clock.at = atSecond(5)
    asked = 0
    for (let n = 0; n < 50; n++) {
      const head = Buffer.from(JSON.stringify({ alg: 'EdDSA', kid: `k${n}` })).toString('base64url')
      expect(
        await tokens.verifyAccess(`${head}.e30.${'A'.repeat(86)}`, atSecond(1)),
      ).toBeUndefined()
    }
    expect(asked).toBe(1)
  })

  test('keys that cannot be read are our failure, not the token’s', async () => {
    const keys = memoryKeyStore()
    const working = await start(keys)
    const token = await working.tokens.signAccess(access)
    const { sealer, clock } = working
    const broken = { ...sealer, ownKey: () => Promise.reject(new Error('store away')) }
    const tokens = createJoseTokens({ sealer: broken, clock, issuer })
    await expect(tokens.verifyAccess(token, atSecond(1))).rejects.toThrow('store away')
  })
})
