// A mistake in the settings stops the start, with every problem named at once; secrets may come from files.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { senderOf } from '../src/adapters/mail/message.ts'
import {
  ConfigurationError,
  describeSettings,
  publicSettings,
  readConfig,
  usesPracticeModel,
} from '../src/config.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daybook-config-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const read = (environment: Record<string, string>, envFile = join(folder, '.env')) =>
  readConfig(environment, envFile)

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    read(environment)
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems
    throw error
  }
}

describe('the settings', () => {
  test('need nothing to start on this machine', () => {
    expect(read({})).toMatchObject({ ENGINE: 'embedded', HOST: '127.0.0.1', PORT: 3000 })
    expect(usesPracticeModel(read({}))).toBe(true)
  })
  test('name every problem at once', () => {
    const problems = problemsOf({
      PORT: 'abc',
      CALL_LIMIT: '5',
      MASTER_KEY: 'eHg=',
      OPENAI_TEMPERATURE: '2.5',
      BILLING: 'free',
      HOST: '0.0.0.0',
    })
    const named = problems.map((problem) => problem.split(':')[0])
    expect(new Set(named)).toEqual(
      new Set([
        'PORT',
        'CALL_LIMIT',
        'MASTER_KEY',
        'OPENAI_TEMPERATURE',
        'BILLING',
        'OPENAI_API_KEY',
      ]),
    )
  })
  test('from the environment win over the file, and empty ones count as not set', () => {
    writeFileSync(join(folder, '.env'), 'PORT=4000\nLOG_LEVEL=warn\nHOST=\n')
    expect(read({ PORT: '5000' })).toMatchObject({
      PORT: 5000,
      LOG_LEVEL: 'warn',
      HOST: '127.0.0.1',
    })
  })
  test('that are secret may come from a file, but not from both', () => {
    const file = join(folder, 'key')
    writeFileSync(file, 'sk-from-file\n')
    expect(read({ OPENAI_API_KEY_FILE: file }).OPENAI_API_KEY).toBe('sk-from-file')
    expect(problemsOf({ OPENAI_API_KEY_FILE: file, OPENAI_API_KEY: 'x' })[0]).toMatch(/keep one/)
    expect(problemsOf({ OPENAI_API_KEY_FILE: join(folder, 'nowhere') })[0]).toMatch(/no such file/)
  })
  test('that are secret are never told', () => {
    const told = JSON.stringify(publicSettings(read({ OPENAI_API_KEY: 'sk-canary' })))
    expect(told).not.toContain('canary')
    const secrets = describeSettings().filter((one) => one.secret)
    expect(secrets.map(({ name }) => name)).toEqual([
      'EVENTSTOREDB_URL',
      'MONGODB_URL',
      'KEYS_MONGODB_URL',
      'REDIS_URL',
      'MASTER_KEY',
      'MASTER_KEY_OTHER',
      'PADDLE_API_KEY',
      'PADDLE_WEBHOOK_SECRET',
      'PADDLE_WEBHOOK_SECRET_OTHER',
      'TELEGRAM_BOT_TOKEN',
      'TELEGRAM_WEBHOOK_SECRET',
      'MAIL_URL',
      'OPENAI_API_KEY',
      'PROVIDER_KEY_NAME',
    ])
  })
})

describe('other providers', () => {
  const AZURE = 'https://own.azure.example/openai/'
  test('are an address with its key, which may come from a file', () => {
    const file = join(folder, 'key')
    writeFileSync(file, 'from-file\n')
    const config = read({
      PROVIDER_URL_AZURE: AZURE,
      PROVIDER_KEY_AZURE: 'canary',
      PROVIDER_URL_B2: 'http://127.0.0.1:8000/v1',
      PROVIDER_KEY_B2_FILE: file,
      PROVIDER_URL_OLLAMA: 'http://127.0.0.1:11434/v1',
    })
    expect(config.PROVIDERS).toEqual({
      AZURE: { url: 'https://own.azure.example/openai', key: 'canary' },
      B2: { url: 'http://127.0.0.1:8000/v1', key: 'from-file' },
      OLLAMA: { url: 'http://127.0.0.1:11434/v1', key: '' },
    })
    const told = publicSettings(config)
    expect(told).toMatchObject({ PROVIDER_URL_AZURE: 'https://own.azure.example/openai' })
    expect(JSON.stringify(told)).not.toMatch(/canary|from-file/)
    // Somebody who has another provider does not try.
    expect(usesPracticeModel(config)).toBe(false)
    expect(problemsOf({ PROVIDER_URL_AZURE: AZURE, HOST: '0.0.0.0' })).toEqual([])
  })
  test.each([
    [{ PROVIDER_KEY_AZURE: 'canary' }, /^PROVIDER_URL_AZURE: required/],
    [{ PROVIDER_URL_AZURE: 'own.azure.example' }, /^PROVIDER_URL_AZURE: an http/],
    [{ PROVIDER_URL_AZURE: 'ftp://own.azure.example' }, /^PROVIDER_URL_AZURE: an http/],
    [{ PROVIDER_URL_AZURE: 'https://canary:canary@own.example' }, /^PROVIDER_URL_AZURE: an http/],
    [{ PROVIDER_URL_AZURE: `${AZURE}?key=canary` }, /^PROVIDER_URL_AZURE: an http/],
    [{ PROVIDER_URL_azure: AZURE }, /no name for a provider/],
    [{ PROVIDER_URL_OPENAI_API_KEY: AZURE }, /no name for a provider/],
    [{ PROVIDER_URL_A: AZURE, PROVIDER_KEY_A: 'canary\ncanary' }, /^PROVIDER_KEY_A: has char/],
    [{ PROVIDER_URL_A: AZURE, PROVIDER_KEY_A_FILE: '/no/where' }, /^PROVIDER_KEY_A_FILE: ENOENT/],
  ])('that are half set stop the start: %o', (environment, problem) => {
    const problems = problemsOf(environment)
    expect(problems[0]).toMatch(problem)
    expect(problems.join()).not.toContain('canary')
  })
})

describe('the practice model', () => {
  test.each(['0.0.0.0', '192.168.0.7', '::', 'example.com'])(
    'refuses the start where %s can be reached',
    (HOST) => {
      expect(problemsOf({ HOST })).toEqual([expect.stringContaining('PRACTICE_MODEL=on')])
      expect(problemsOf({ HOST, PRACTICE_MODEL: 'on' })).toEqual([])
      expect(problemsOf({ HOST, OPENAI_API_KEY: 'x' })).toEqual([])
    },
  )
  test.each(['localhost', '127.0.0.1', '127.1.2.3', '::1'])('answers on %s', (HOST) => {
    expect(problemsOf({ HOST })).toEqual([])
  })
  test('that is off needs a key', () => {
    expect(problemsOf({ PRACTICE_MODEL: 'off' })).toEqual([expect.stringContaining('required')])
  })
})

describe('mail', () => {
  const mailProblems = (MAIL_URL: string, MAIL_FROM?: string) =>
    problemsOf({ MAIL_URL, ...(MAIL_FROM !== undefined && { MAIL_FROM }) })

  test.each([
    'daybook@example.org',
    'Daybook <no-reply@mail.example.org>',
    'Дневник <a@b.example>',
  ])('is from %s', (from) => {
    for (const url of ['smtp://mail.example.org', 'smtps://u:p%40ss@mail.example.org:465/'])
      expect(mailProblems(url, from)).toEqual([])
    expect(senderOf(from).address).toBe(/[^\s<>]+@[^\s<>]+/.exec(from)?.[0])
  })
  test.each([
    '',
    'nobody',
    'a@b.example\r\nBcc: c@d.example',
    'A <a@b.example>, c@d.example',
    '<>',
  ])('is not from %j', (from) => {
    expect(mailProblems('smtp://mail.example.org', from)).toEqual([
      expect.stringMatching(/^MAIL_FROM: /),
    ])
  })
  test.each([
    'smtp://',
    'http://mail.example.org',
    'smtp://mail.example.org?tls.rejectUnauthorized=false',
    'smtps://mail.example.org/path',
  ])('goes not to %s', (url) => {
    expect(mailProblems(url, 'daybook@example.org')).toEqual([expect.stringMatching(/^MAIL_URL: /)])
  })
})
