// No personal value, prompt, answer or secret lies in clear in anything that is stored or passes through
// Redis, in a log line at its most talkative, in an error, or in the metrics; whatever a provider says of
// the seller reaches nobody.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mailsWithLinks } from '../../src/commands/mail/list-mails.ts'
import type { Logger } from '../../src/ports/logger.ts'
import { createJsonLogger } from '../../src/adapters/json-logger.ts'
import { Writable } from 'node:stream'
import { startTestApp, type TestApp } from '../support/app.ts'
import { type SmtpServer, startSmtp } from '../support/smtp.ts'
import { openEvents } from '../support/event-source.ts'
import { fund, publishAgent, version } from '../support/funded.ts'
import { everythingStored, findInClear, overhearRedis } from '../support/stored.ts'

let smtp: SmtpServer
let app: TestApp
let base: string
let logged = ''
const stream = new Writable({
  write(chunk: Buffer, _encoding, done) {
    logged += chunk.toString()
    done()
  },
})
const logger: Logger & { flush(): void } = createJsonLogger({ stream, level: 'debug' })
beforeAll(async () => {
  smtp = await startSmtp()
  for (const say of ['550 5.1.1', '451 4.3.0'] as const)
    smtp.next({ at: 'RCPT', say: `${say} <zqxemail@example.com> is refused` })
  const mail = { MAIL_URL: smtp.url, MAIL_FROM: 'daybook@example.org' }
  app = await startTestApp(mail, { logger })
  base = await app.listen()
})
afterAll(async () => {
  await app.stop()
  await smtp.close()
})

const secrets = {
  email: 'zqxemail@example.com',
  otherEmail: 'zqxother@example.com',
  invited: 'zqxinvited@example.com',
  password: 'zqxpassword one two three',
  wrong: 'zqxwrong one two three',
  newPassword: 'zqxnewpassword one two',
  organization: 'zqxorganization',
  systemPrompt: 'zqxsystem',
  template: 'zqxtemplate',
  variable: 'zqxvariable',
  input: 'zqxinput',
  output: 'zqxoutput',
  endUser: 'zqxenduser',
  userAgent: 'zqxuseragent',
  idempotencyKey: 'zqxidempotency',
  providerMessage: 'zqxprovidermessage',
}

const answers: string[] = []
const ask: TestApp['request'] = async (line, options) => {
  const headers = { 'user-agent': secrets.userAgent, ...options?.headers }
  const reply = await app.request<never>(line, { ...options, headers })
  answers.push(reply.text)
  return reply
}

/** A person who does everything that takes something of them. */
async function person(): Promise<{ tokens: string[]; token: string }> {
  const credentials = { email: secrets.email, password: secrets.password }
  const key = secrets.idempotencyKey
  await ask('POST /auth/register', { body: credentials, key })
  await ask('POST /auth/register', { body: credentials })
  await ask('POST /auth/login', { body: { ...credentials, password: secrets.wrong } })
  const signedIn = await ask<Record<string, string>>('POST /auth/login', { body: credentials, key })
  expect(signedIn.status).toBe(200)
  const { access_token: access = '', refresh_token: refresh = '' } = signedIn.body
  const again = await ask<Record<string, string>>('POST /auth/refresh', {
    body: { refresh_token: refresh },
  })
  const token = again.body['access_token'] ?? ''
  const changed = await ask('PATCH /me', {
    token,
    key,
    body: {
      email: secrets.otherEmail,
      password: secrets.newPassword,
      current_password: secrets.password,
    },
  })
  expect(changed.status).toBe(200)
  const team = await ask<{ id: string }>('POST /organizations', {
    token,
    body: { name: secrets.organization },
  })
  const invited = await ask(`POST /organizations/${team.body.id}/invitations`, {
    token,
    body: { email: secrets.invited, role: 'admin' },
  })
  expect(invited.status).toBe(201)
  await ask('POST /auth/password/forgot', { body: { email: secrets.otherEmail } })
  return { token, tokens: [access, refresh, token, again.body['refresh_token'] ?? ''] }
}

async function calls(): Promise<string> {
  const who = await fund(app)
  const agentId = await publishAgent(app, who.orgId, {
    ...version(),
    systemPrompt: `${secrets.systemPrompt} {{tone}}`,
    promptTemplate: `${secrets.template} {{input}}`,
    variables: [{ name: 'tone', required: true, maxLength: 100 }],
  })
  const body = {
    input: secrets.input,
    variables: { tone: secrets.variable },
    user: secrets.endUser,
  }
  const line = `POST /agents/${agentId}/invoke`
  const { token } = who
  app.upstream.next({ text: [`${secrets.output} `, 'end'] })
  const answered = await ask(line, { token, body, key: secrets.idempotencyKey })
  expect(answered.body['output']).toBe(`${secrets.output} end`)
  await ask(line, { token, body: { ...body, variables: { tone: secrets.variable.repeat(20) } } })
  await ask(line, { token, body: { ...body, variables: { [secrets.variable]: 'x' } } })
  for (const failure of [
    { status: 429, error: { code: 'insufficient_quota', message: secrets.providerMessage } },
    { status: 401, error: { code: 'invalid_api_key', message: secrets.providerMessage } },
    { status: 400, error: { code: 'context_length_exceeded', message: secrets.providerMessage } },
    { status: 400, error: { message: `${secrets.providerMessage} ${secrets.input}` } },
    { raw: `data: {"error":{"message":"${secrets.providerMessage}"}}\n\n` },
    { raw: secrets.providerMessage },
    { text: [secrets.output], after: 1, ending: 'reset' as const },
  ]) {
    app.upstream.next(failure)
    expect((await ask(line, { token, body })).status).toBeGreaterThanOrEqual(400)
  }
  app.upstream.next({ text: [secrets.output, ' x'], after: 1, ending: 'error' })
  const events = await openEvents(`${base}/agents/${agentId}/invoke`, {
    method: 'POST',
    token,
    body: { ...body, stream: true },
  })
  await events.rest()
  await ask('GET /invocations', { token })
  return token
}

/** A key that is issued, rotated, used, and used wrongly; its secrets. */
async function program(): Promise<string[]> {
  const { token, agentId } = await fund(app)
  const { body: issued } = await ask<{ id: string; key: string }>('POST /api-keys', {
    token,
    body: { name: 'Website', scopes: ['invoke', 'usage:read'] },
  })
  const rotate = `POST /api-keys/${issued.id}/rotate`
  const { body: rotated } = await ask<{ key: string }>(rotate, { token, body: {} })
  const keys = [issued.key, rotated.key]
  for (const key of keys) {
    const answered = await ask(`POST /agents/${agentId}/invoke`, {
      token: key,
      body: { input: 'x' },
    })
    expect(answered.status).toBe(200)
    await ask('GET /usage', { token: key })
    await ask('GET /me', { token: key })
    await ask('GET /usage', { token: `${key.slice(0, -1)}x` })
  }
  return keys.map((key) => key.split('_')[2] ?? '')
}

test('nothing of it is anywhere', async () => {
  const redis = await overhearRedis(app.app.config)
  const { token, tokens } = await person()
  const caller = await calls()
  const keys = await program()
  await app.settled()
  const mails = await mailsWithLinks(app.app.deps, { limit: 100 })
  const links = mails.items.flatMap(({ link }) => link?.split('token=')[1] ?? [])
  expect(links.length).toBeGreaterThanOrEqual(2)
  // Some of them were refused, in words that repeat the address.
  await expect.poll(() => smtp.mails.length).toBeGreaterThan(2)
  logger.flush()

  const apiKey = app.upstream.apiKey
  const all = [...Object.values(secrets), ...tokens, token, caller, ...keys, ...links, apiKey]
  const needles = all.filter((one) => one !== '').map((one) => [one, one])
  const stored = await everythingStored(app.app.config)
  expect(stored.size).toBeGreaterThan(4)
  // The search finds what is there.
  expect(findInClear(stored, { event: 'SessionStarted' })).not.toEqual([])
  const lines = new Map([['the log lines', Buffer.from(logged)]])
  expect(logged.length).toBeGreaterThan(1_000)
  const places = new Map([...stored, ...lines, ...(await redis.end())])
  expect(findInClear(places, Object.fromEntries(needles))).toEqual([])
})

test('no answer tells what the provider says of the seller', () => {
  const said = answers.filter((text) =>
    /zqxprovidermessage|quota|invalid_api_key|refused_key|billing|sk-test/i.test(text),
  )
  expect(said).toEqual([])
})
