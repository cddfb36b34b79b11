// An administrator is made by the command line alone, with and without a running server, and never by
// an argument that holds a password; every mistake has a sentence and an exit code.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Installation, installation } from '../support/command-line.ts'

const PASSWORD = 'correct horse battery'
// Each line is a process that opens the data: slow where the machine is busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
let own: Installation
let server: Awaited<ReturnType<Installation['startServer']>>
beforeAll(async () => {
  own = await installation()
})
afterAll(async () => {
  expect(await server.stop()).toBe(0)
  await own.remove()
})

const signIn = (url: string, email: string, password: string) =>
  fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password }),
  })

describe('admin create', () => {
  test('makes an administrator while no server runs; the password comes from standard input', async () => {
    const made = await own.typing(`${PASSWORD}\n`, 'admin', 'create', '--email', 'Ada@Example.com')
    expect(made).toMatchObject({ code: 0, err: '' })
    expect(made.out).toMatch(/^Administrator ada@example\.com can sign in \(usr_\w+\)\.\n$/)
    const found = await own.daybook('--json', 'user', 'find', 'ada@example.com')
    expect(found.rows()).toMatchObject([
      {
        email: 'ada@example.com',
        email_verified: true,
        roles: ['administrator'],
        status: 'active',
      },
    ])
  })

  test('works through a running server, promotes who is registered, and both can sign in', async () => {
    server = await own.startServer()
    const made = await own.typing(PASSWORD, 'admin', 'create', '--email', 'bob@example.com')
    expect(made).toMatchObject({ code: 0, err: '' })
    for (const email of ['ada@example.com', 'bob@example.com'])
      expect((await signIn(server.url, email, PASSWORD)).status).toBe(200)
    const again = await own.daybook('admin', 'create', '--email', 'bob@example.com')
    expect(again).toMatchObject({ code: 0, err: '' })
    expect(again.out).toContain('was registered')
    const denied = await own.daybook('user', 'deactivate', 'bob@example.com', '--reason', 'left')
    expect(denied).toMatchObject({ code: 0, out: expect.stringContaining('is deactivated.') })
    expect((await signIn(server.url, 'bob@example.com', PASSWORD)).status).toBe(401)
    expect((await own.daybook('user', 'reactivate', 'bob@example.com')).code).toBe(0)
    expect((await signIn(server.url, 'bob@example.com', PASSWORD)).status).toBe(200)
    const set = await own.typing('a wholly new password', 'user', 'set-password', 'bob@example.com')
    expect(set).toMatchObject({ code: 0, out: expect.stringContaining('has a new password') })
    expect((await signIn(server.url, 'bob@example.com', PASSWORD)).status).toBe(401)
    expect((await signIn(server.url, 'bob@example.com', 'a wholly new password')).status).toBe(200)
  })

  test.each<[string, string, string[], number, RegExp]>([
    ['no password', '', ['admin', 'create', '--email', 'c@example.com'], 64, /no password/],
    [
      'a weak password',
      'short',
      ['admin', 'create', '--email', 'c@example.com'],
      1,
      /12 characters/,
    ],
    [
      'no address',
      PASSWORD,
      ['admin', 'create', '--email', 'nobody'],
      64,
      /email: an e-mail address/,
    ],
    ['no e-mail option', '', ['admin', 'create'], 64, /required option '--email/],
    ['nobody', '', ['user', 'find', 'nobody@example.com'], 1, /^nobody is registered as/],
    ['no user', '', ['user', 'find', 'xyz'], 64, /neither a user's id/],
    ['an unknown command', '', ['admn'], 64, /Did you mean admin/],
    ['too much', '', ['seed', 'now'], 64, /too many arguments/],
  ])('refuses %s', async (_name, input, args, code, words) => {
    const ran = await own.typing(input, ...args)
    expect({ code: ran.code, out: ran.out }).toEqual({ code, out: '' })
    expect(ran.err).toMatch(words)
    expect(ran.err).not.toMatch(/ {4}at /)
  })
})

describe('help', () => {
  test.each([
    [[]],
    [['--help']],
    [['help', 'credit', 'grant']],
    [['price', 'publish', '--help']],
    [['backup', '--help']],
  ])('%j fits 80 columns and needs no data', async (args) => {
    const ran = await own.daybook(...args)
    expect(ran).toMatchObject({ code: 0, err: '' })
    const wide = ran.out.split('\n').filter((line) => line.length > 80)
    expect(wide).toEqual([])
  })
})

describe('configuration', () => {
  test('a mistake is named with exit code 78', async () => {
    const wrong = await installation({ PORT: 'abc', CALL_LIMIT: '1' })
    const ran = await wrong.daybook('user', 'find', 'a@example.com')
    await wrong.remove()
    expect(ran.code).toBe(78)
    expect(ran.err).toMatch(/PORT.*\n.*CALL_LIMIT/)
  })
})
