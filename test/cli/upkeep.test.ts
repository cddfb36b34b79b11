// An operator can read the log, rebuild and check what was made from it, and bring it back from a
// backup that was made while the server ran.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Installation, installation, said } from '../support/command-line.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
let own: Installation
let server: Awaited<ReturnType<Installation['startServer']>>
beforeAll(async () => {
  own = await installation()
  server = await own.startServer()
  await own.typing('correct horse battery', 'admin', 'create', '--email', 'ada@example.com')
})
afterAll(async () => {
  await server.stop()
  await own.remove()
})

describe('events', () => {
  test('come as JSON lines in order, by stream, type, position and number', async () => {
    const all = (await own.daybook('--json', 'events')).rows<{
      position: string
      stream: string
      type: string
    }>()
    expect(all.map((event) => event.position)).toEqual(all.map((_, index) => String(index + 1)))
    const [first, second] = all
    const one = await own.daybook(
      '--json',
      'events',
      '--stream',
      String(second?.stream),
      '--limit',
      '1',
    )
    expect(one.rows()).toEqual([second])
    expect((await own.daybook('--json', 'events', '--after', '1', '--limit', '1')).rows()).toEqual([
      second,
    ])
    expect((await own.daybook('--json', 'events', '--type', String(first?.type))).rows()).toEqual([
      first,
    ])
    expect((await own.daybook('--json', 'events', '--stream', 'user-nobody')).out).toBe('')
  })

  test('keep sealed what is sealed', async () => {
    const { out } = await own.daybook('--json', 'events')
    expect(out).toContain('"sealed":"')
    expect(out).not.toMatch(/ada@example\.com|correct horse|argon2id/)
  })

  test('are followed as they are written, until the reader leaves', async () => {
    const following = own.spawn('--json', 'events', '--follow', '--type', 'UserDeactivated')
    const seen = said(following, /"type":"(UserDeactivated)"/)
    await own.daybook('user', 'deactivate', 'ada@example.com')
    expect(await seen).toBe('UserDeactivated')
    following.kill('SIGINT')
    await own.daybook('user', 'reactivate', 'ada@example.com')
  })

  test.each([
    ['--limit', '0'],
    ['--limit', 'x'],
    ['--after', '-1'],
  ])('refuse %s %s', async (option, value) => {
    expect(await own.daybook('--json', 'events', option, value)).toMatchObject({
      code: 64,
      out: '',
    })
  })
})

describe('projections', () => {
  test('say how far they are and are rebuilt beside the served ones', async () => {
    const before = (await own.daybook('--json', 'projections', 'status')).rows()
    expect(before).toContainEqual(
      expect.objectContaining({ name: 'users', version: '1.0', behind: '0', state: 'up to date' }),
    )
    expect((await own.daybook('projections', 'rebuild', 'users')).code).toBe(0)
    const after = (await own.daybook('--json', 'projections', 'status')).rows()
    expect(after).toContainEqual(expect.objectContaining({ name: 'users', version: '1.1' }))
    const wrong = await own.daybook('projections', 'rebuild', 'nothing')
    expect(wrong).toMatchObject({ code: 1, out: '', err: expect.stringContaining('there are: ') })
  })
})

test('invariants are named one by one and hold', async () => {
  const ran = await own.daybook('invariants')
  expect(ran).toMatchObject({ code: 0, err: '' })
  for (const name of [
    'M1',
    'M2',
    'M3',
    'M4',
    'M5',
    'M6',
    'L3',
    'P1',
    'P3',
    'J1',
    'A1',
    'A2',
    'A8',
    'E1',
  ])
    expect(ran.out).toMatch(new RegExp(`^${name} .* yes$`, 'm'))
  expect(ran.out.split('\n').filter((line) => line.length > 80)).toEqual([])
})

test('a signing key is replaced and the old one still verifies', async () => {
  const keys = async () => {
    const answer = await fetch(`${server.url}/.well-known/jwks.json`)
    return ((await answer.json()) as { keys: { kid: string }[] }).keys.map((key) => key.kid)
  }
  const before = await keys()
  const [rotated] = (await own.daybook('--json', 'keys', 'rotate-signing')).rows()
  expect(new Set(await keys())).toEqual(new Set([...before, rotated?.['key_id']]))
})

test('mails are listed with a link that works, and shown as the person reads them', async () => {
  const registered = await fetch(`${server.url}/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'new@example.com', password: 'correct horse battery' }),
  })
  expect(registered.status).toBe(202)
  const link = await expect
    .poll(
      async () =>
        (await own.daybook('--json', 'mail', 'list'))
          .rows()
          .find((mail) => mail['to'] === 'new@example.com')?.['link'],
      { timeout: 10_000 },
    )
    .toMatch(/verify-email\?token=mai_/)
    .then(async () => {
      const mails = (await own.daybook('--json', 'mail', 'list')).rows()
      return String(mails.find((mail) => mail['to'] === 'new@example.com')?.['link'])
    })
  const verified = await fetch(`${server.url}/auth/verify-email`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: new URL(link).searchParams.get('token') }),
  })
  expect(verified.ok).toBe(true)
  const [sent, ...more] = (await own.daybook('--json', 'mail', 'list', '--state', 'sent')).rows()
  expect(sent).toMatchObject({ to: 'new@example.com', kind: 'verify_email', reason: null, link })
  expect(more).toEqual([])
  const shown = await own.daybook('mail', 'show', String(sent?.['mail_id']))
  expect(shown.out).toContain(`To: new@example.com\nSubject: Confirm your e-mail address\n`)
  expect(shown.out).toContain(`\n${link}\n`)
  const files = await readdir(join(own.folder, 'data', 'mail'))
  expect(files).toEqual([`${String(sent?.['mail_id'])}.eml`])
  const nothing = await own.daybook('mail', 'show', 'mai_00000000000000000000000000')
  expect(nothing).toMatchObject({ code: 1, out: '' })
})

describe('backup', () => {
  const directory = () => join(own.folder, 'backup')

  test('is made while the server runs, with log and keys apart', async () => {
    const ran = await own.daybook('--json', 'backup', directory())
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect((await readdir(directory())).sort()).toEqual(['keys', 'log'])
    const manifest = await readFile(join(directory(), 'log', 'manifest.json'), 'utf8')
    expect(manifest).toMatch(/"sha256": "[0-9a-f]{64}"/)
    const again = await own.daybook('backup', directory())
    expect(again).toMatchObject({ code: 1, out: '', err: expect.stringContaining('is not empty') })
  })

  test('is whole, and is found to be damaged when a byte is', async () => {
    expect(await own.daybook('backup', 'verify', directory())).toMatchObject({ code: 0, err: '' })
    const copy = join(own.folder, 'copy')
    expect((await own.daybook('backup', copy)).code).toBe(0)
    const [file = ''] = (await readdir(join(copy, 'log'))).filter((name) => name.endsWith('.db'))
    const bytes = await readFile(join(copy, 'log', file))
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
    await writeFile(join(copy, 'log', file), bytes)
    const ran = await own.daybook('backup', 'verify', copy)
    expect({ code: ran.code, out: ran.out }).toEqual({ code: 1, out: '' })
    expect(ran.err).not.toMatch(/ {4}at /)
  })

  test('comes back into an empty directory only, with people and invariants whole', async () => {
    const full = join(own.folder, 'full')
    await mkdir(full)
    await writeFile(join(full, 'x'), '')
    const refused = await own.daybook('restore', directory(), '--into', full)
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('is not empty') })
    const into = join(own.folder, 'restored')
    expect((await own.daybook('restore', directory(), '--into', into)).code).toBe(0)
    const other = await installation({ DATA_DIR: into })
    try {
      const found = await other.daybook('--json', 'user', 'find', 'ada@example.com')
      expect(found.rows()).toMatchObject([{ email: 'ada@example.com', status: 'active' }])
      expect((await other.daybook('invariants')).code).toBe(0)
    } finally {
      await other.remove()
    }
  })
})
