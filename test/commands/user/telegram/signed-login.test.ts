// Only what Telegram signed for this bot, just now, gets through: the published vectors, and nothing that was changed by a character.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  dataCheckString,
  readSignedLogin,
} from '../../../../src/commands/user/telegram/signed-login.ts'
import { BOT_TOKEN, loginKey, miniAppKey, signedBy } from '../../../support/telegram-login.ts'

const QUERY =
  'id=424242424&first_name=Zo%C3%AB&last_name=O%27Neil+%26+Co&username=zoe_n&photo_url=https%3A%2F%2Ft.me%2Fi%2Fuserpic%2F320%2Fzoe.jpg&auth_date=1760000000&hash=c381bb63a05d63ef0156402f02f78417a006defdf2918cc667d2f4f117322bfb'
const vector = Object.fromEntries(new URLSearchParams(QUERY))
const SIGNED_AT = 1_760_000_000
const rules = { botToken: BOT_TOKEN, loginSeconds: 300 }
const read = (fields: Record<string, string>, seconds = SIGNED_AT + 5) =>
  readSignedLogin(rules, fields, new Date(seconds * 1000))
const refused = expect.objectContaining({ code: 'telegram_login_refused' })
const expectRefused = (fields: Record<string, string>, seconds?: number) =>
  expect(() => read(fields, seconds)).toThrow(refused)

describe('the published vectors', () => {
  test('the key and what is signed', () => {
    expect(loginKey(BOT_TOKEN).toString('hex')).toBe(
      '256e07bf6aeaf0695f54ba04a0569686d0faca93bbbd7c74535db617fe4556f8',
    )
    expect(dataCheckString(vector)).toBe(
      "auth_date=1760000000\nfirst_name=Zoë\nid=424242424\nlast_name=O'Neil & Co\nphoto_url=https://t.me/i/userpic/320/zoe.jpg\nusername=zoe_n",
    )
  })
  test('all fields', () => {
    expect(read(vector)).toEqual({
      telegramId: '424242424',
      username: 'zoe_n',
      name: "Zoë O'Neil & Co",
      loginHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      signedAt: '2025-10-09T08:53:20.000Z',
    })
  })
  test('as few as there are', () => {
    const fields = {
      id: '424242424',
      first_name: 'Ann',
      auth_date: '1760000000',
      hash: '88f317179170063af2a5d71830250f9d4b73242709888867a603b42489c9604f',
    }
    expect(read(fields)).toMatchObject({ telegramId: '424242424', name: 'Ann' })
    expect(read(fields)).not.toHaveProperty('username')
  })
  test('signed by the key of a Mini App', () => {
    const hash = '18a26d79dbd4eb5941f034039d94f3e24c5c08d7cdca389d322640f206721c5d'
    const { hash: _, ...fields } = vector
    expect(signedBy(miniAppKey(BOT_TOKEN), fields)['hash']).toBe(hash)
    expectRefused({ ...fields, hash })
  })
})

describe('time', () => {
  const signed = (authDate: string) =>
    signedBy(loginKey(BOT_TOKEN), { id: '1', first_name: 'A', auth_date: authDate })
  test.each([0, 1, 299, 300, -1, -60])('%i seconds old is good', (age) => {
    expect(read(signed(String(SIGNED_AT)), SIGNED_AT + age).telegramId).toBe('1')
  })
  test.each([301, 360, 86_400, -61, -3_600])('%i seconds old is refused', (age) => {
    expectRefused(signed(String(SIGNED_AT)), SIGNED_AT + age)
  })
  test.each([
    '',
    '0',
    '-1',
    '1e9',
    '1760000000.5',
    ' 1760000000',
    '0x68e77a80',
    'NaN',
    '9'.repeat(12),
  ])('signed at %j is refused', (authDate) => expectRefused(signed(authDate)))
})

describe('ids', () => {
  const signed = (id: string) =>
    signedBy(loginKey(BOT_TOKEN), { id, first_name: 'A', auth_date: String(SIGNED_AT) })
  test.each(['1', '4294967296', '9007199254740993', '9223372036854775807'])('%s', (id) => {
    expect(read(signed(id)).telegramId).toBe(id)
  })
  test.each(['', '0', '-5', '01', '1.0', '1e3', ' 1', '1 ', '1\n', '１', 'usr_1', '9'.repeat(20)])(
    '%j is none',
    (id) => expectRefused(signed(id)),
  )
})

test.each([
  ['no signature', { hash: '' }],
  ['half of it', { hash: vector['hash']?.slice(0, 32) ?? '' }],
  ['in capitals', { hash: vector['hash']?.toUpperCase() ?? '' }],
  ['twice', { hash: `${vector['hash']}${vector['hash']}` }],
  ['another one', { hash: '0'.repeat(64) }],
  ['a name more', { is_admin: 'true' }],
  ['a name less', { username: '' }],
])('%s is refused', (_name, change) => expectRefused({ ...vector, ...change }))

test('a field that nobody knows yet is signed like all others', () => {
  const { hash: _, ...fields } = vector
  expect(read(signedBy(loginKey(BOT_TOKEN), { ...fields, is_premium: 'true' }))).toMatchObject({
    telegramId: '424242424',
  })
})

test('one field does not pass for two', () => {
  const fields = { id: '5', first_name: 'A', auth_date: String(SIGNED_AT) }
  const { hash = '' } = signedBy(loginKey(BOT_TOKEN), fields)
  // The same text is signed, and the name has become part of the time.
  expectRefused({ id: '5', auth_date: `${SIGNED_AT}\nfirst_name=A`, hash })
})

test('a change anywhere, by anybody without the token, is refused', () => {
  const keys = Object.keys(vector)
  fc.assert(
    fc.property(
      fc.constantFrom(...keys),
      fc.nat(200),
      fc.string({ minLength: 1, maxLength: 3 }),
      (key, at, put) => {
        const value = vector[key] ?? ''
        const changed = `${value.slice(0, at % (value.length + 1))}${put}${value.slice((at % (value.length + 1)) + 1)}`
        fc.pre(changed !== value)
        expectRefused({ ...vector, [key]: changed })
      },
    ),
  )
  for (const key of keys) {
    const { [key]: _, ...less } = vector
    expectRefused(less)
  }
})

test('another bot’s token signs nothing here', () => {
  const { hash: _, ...fields } = vector
  expectRefused(signedBy(loginKey('987654321:another'), fields))
})
