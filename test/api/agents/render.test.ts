// A dry render shows what a call would send, calls no model, writes nothing, and speaks no language.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { publishModel, signInMember } from '../../support/seed.ts'
import { anAgent, asker, type People, people, type ProblemReply, version } from './agents.ts'

interface Rendered {
  readonly agent: { readonly id: string; readonly version: number }
  readonly messages?: readonly { readonly role: string; readonly content: string }[]
  readonly parameters: Readonly<Record<string, unknown>>
  readonly prompt_tokens: number | null
}

let app: TestApp
let who: People
let ask: ReturnType<typeof asker>
beforeAll(async () => {
  app = await startTestApp({
    OPENAI_MODEL: 'default-model',
    OPENAI_TEMPERATURE: '0.7',
    OPENAI_MAX_TOKENS: '321',
  })
  who = await people(app)
  ask = asker(app, who.orgId)
})
afterAll(() => app.stop())

const body = { input: 'What is {{language}}?', variables: { language: 'Français' } }
const messages = [
  { role: 'system', content: 'Answer in Français.' },
  { role: 'user', content: 'Question: What is {{language}}?' },
]

test('shows the messages; what a caller sends is never read as a template', async () => {
  const agentId = await anAgent(app, who)
  const before = await app.app.engine.events.head()
  const reply = await ask<Rendered>(who.owner, `POST /agents/${agentId}/render`, { body })
  expect(reply.status).toBe(200)
  expect(reply.body).toEqual({
    agent: { id: agentId, version: 1 },
    messages,
    parameters: { models: ['default-model'], temperature: 0.7, max_tokens: 321 },
    prompt_tokens: null,
  })
  const written = await app.app.engine.events.readAll({ after: before, limit: 100 })
  expect(written.filter(({ type }) => !/^(UsageRecorded|AccessDenied)$/.test(type))).toEqual([])
  expect(app.upstream.requests).toHaveLength(0)
})

test("the agent's own settings stand before the installation's", async () => {
  const own = {
    ...version,
    model_name: 'own-model',
    temperature: 0,
    max_tokens: 12,
    fallbacks: ['default-model'],
  }
  const agentId = await anAgent(app, who, { version: own })
  const reply = await ask<Rendered>(who.owner, `POST /agents/${agentId}/render`, { body })
  expect(reply.body.parameters).toEqual({
    models: ['own-model', 'default-model'],
    temperature: 0,
    max_tokens: 12,
  })
})

test('counts the tokens at most where the model is known', async () => {
  await publishModel(app, { name: 'known', framing: { perMessage: 4, perRequest: 3 } })
  await publishModel(app, { name: 'known-bytes', encoding: 'bytes' })
  const bound = async (model_name: string) => {
    const agentId = await anAgent(app, who, { version: { ...version, model_name } })
    const reply = await ask<Rendered>(who.owner, `POST /agents/${agentId}/render`, { body })
    return reply.body.prompt_tokens ?? 0
  }
  const framing = 2 * 4 + 3
  expect(await bound('known-bytes')).toBe(Buffer.byteLength(JSON.stringify(messages)) + framing)
  const counted = await bound('known')
  expect(counted).toBeGreaterThan(framing)
  expect(counted).toBeLessThan(Buffer.byteLength(JSON.stringify(messages)))
})

test("the language of the person never changes the prompt's bytes", async () => {
  const agentId = await anAgent(app, who)
  const english = await signInMember(app, who.orgId, 'admin', { locale: 'en' })
  const russian = await signInMember(app, who.orgId, 'admin', { locale: 'ru' })
  const line = `POST /agents/${agentId}/render`
  const replies = [
    await ask(english, line, { body, headers: { 'accept-language': 'en' } }),
    await ask(russian, line, { body, headers: { 'accept-language': 'ru' } }),
    await ask(russian, line, { body, headers: { 'accept-language': 'en' } }),
  ]
  expect(new Set(replies.map(({ text }) => text)).size).toBe(1)
  // They are told of mistakes in different languages, so the locale did arrive.
  const wrong = { body: { variables: {} } }
  const problems = [await ask(english, line, wrong), await ask(russian, line, wrong)]
  expect(problems.map(({ headers }) => headers['content-language'])).toEqual(['en', 'ru'])
})

test('a member learns what applies, not the prompts; an auditor may not ask', async () => {
  const agentId = await anAgent(app, who)
  const line = `POST /agents/${agentId}/render`
  const member = await ask<Rendered>(who.member, line, { body })
  expect(member.status).toBe(200)
  expect(member.body).not.toHaveProperty('messages')
  expect(member.body.parameters).toMatchObject({ max_tokens: 321 })
  expect((await ask(who.auditor, line, { body })).status).toBe(403)
})

describe('which version', () => {
  test('the label, the number, or production', async () => {
    const agentId = await anAgent(app, who)
    const second = { ...version, prompt_template: 'Second: {{input}}' }
    await ask(who.owner, `POST /agents/${agentId}/versions`, { body: second })
    await ask(who.owner, `PUT /agents/${agentId}/labels/canary`, { body: { version: 2 } })
    const rendered = async (more: object) => {
      const options = { body: { ...body, ...more } }
      const reply = await ask<Rendered>(who.owner, `POST /agents/${agentId}/render`, options)
      return reply.body.agent.version
    }
    expect(await rendered({})).toBe(1)
    expect(await rendered({ label: 'canary' })).toBe(2)
    expect(await rendered({ version: 2 })).toBe(2)
  })

  test('of an agent that is switched off: only for who manages it', async () => {
    const agentId = await anAgent(app, who)
    await ask(who.owner, `PATCH /agents/${agentId}`, { body: { active: false } })
    const line = `POST /agents/${agentId}/render`
    expect((await ask(who.owner, line, { body })).status).toBe(200)
    for (const more of [{}, { version: 1 }]) {
      const reply = await ask<ProblemReply>(who.member, line, { body: { ...body, ...more } })
      expect([reply.status, reply.body.code]).toEqual([404, 'agent_inactive'])
    }
  })
})

describe('names what is wrong', () => {
  const refused = async (wrong: object) => {
    const agentId = await anAgent(app, who)
    const line = `POST /agents/${agentId}/render`
    const { status, body: problem } = await ask<ProblemReply>(who.member, line, { body: wrong })
    return { status, code: problem.code, facts: problem.facts }
  }
  test('no input', async () => {
    expect(await refused({ variables: body.variables })).toMatchObject({
      status: 422,
      code: 'input_required',
    })
  })
  test('a missing, an unknown, a long and a wrong variable', async () => {
    expect(await refused({ input: 'x' })).toMatchObject({
      status: 422,
      code: 'variables_invalid',
      facts: { missing: ['language'] },
    })
    const long = await refused({ input: 'x', variables: { language: 'x'.repeat(21), nobody: '' } })
    expect(long).toMatchObject({
      code: 'variables_invalid',
      facts: { unknown: ['nobody'], too_long: [{ name: 'language', length: 21, max_length: 20 }] },
    })
    const number = await refused({ input: 'x', variables: { language: 7 } })
    expect(number).toMatchObject({ code: 'variables_invalid', facts: { not_text: ['language'] } })
  })
  test('a label and a version that do not exist', async () => {
    expect(await refused({ ...body, label: 'nowhere' })).toMatchObject({
      status: 404,
      code: 'label_not_found',
      facts: { labels: ['production'] },
    })
    expect(await refused({ ...body, version: 2 })).toMatchObject({
      status: 404,
      code: 'version_not_found',
      facts: { latest: 1 },
    })
  })
  test('prompts that were erased', async () => {
    const agentId = await anAgent(app, who.stranger)
    await app.app.deps.sealer.destroy(`content/${who.stranger.orgId}`)
    app.app.deps.streams.forget()
    const reply = await ask<ProblemReply>(who.stranger, `POST /agents/${agentId}/render`, {
      body,
      org: who.stranger.orgId,
    })
    expect([reply.status, reply.body.code]).toEqual([410, 'content_erased'])
  })
})
