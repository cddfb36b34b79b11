// An agent and its versions are made once, by who may, and answered the same however often one asks.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { anAgent, asker, type People, people, translator, version } from './agents.ts'

let app: TestApp
let who: People
let ask: ReturnType<typeof asker>
beforeAll(async () => {
  app = await startTestApp()
  who = await people(app)
  ask = asker(app, who.orgId)
})
afterAll(() => app.stop())

test('an owner creates an agent with its first version', async () => {
  const reply = await ask(who.owner, 'POST /agents', { body: translator })
  expect(reply.status).toBe(201)
  expect(reply.headers['location']).toBe(`/agents/${reply.body.id}`)
  expect(reply.headers['etag']).toBe('"2"')
  expect(reply.headers['x-position']).toMatch(/^\d+$/)
  expect(reply.body).toEqual({
    id: expect.stringMatching(/^agt_/),
    owner: who.orgId,
    slug: 'translator',
    name: 'Translator',
    active: true,
    labels: { production: 1 },
    latest_version: 1,
    production: {
      version: 1,
      system_prompt: version.system_prompt,
      prompt_template: version.prompt_template,
      model_name: null,
      temperature: null,
      max_tokens: null,
      variables: [{ name: 'language', required: true, max_length: 20 }],
      fallbacks: [],
      abort_policy: 'drain',
      on_provider_failure: 'free',
      store: true,
      client_system: 'refuse',
      allow_tools: false,
      allow_response_format: false,
    },
  })
  const read = await ask(who.owner, `GET /agents/${reply.body.id}`)
  expect(read.body).toEqual(reply.body)
})

test('an admin creates one without a version, and publishes later', async () => {
  const body = { slug: 'later', name: 'Later' }
  const made = await ask(who.admin, 'POST /agents', { body })
  expect(made.status).toBe(201)
  expect(made.body).toMatchObject({ labels: {}, latest_version: null, production: null })
  const path = `/agents/${made.body.id}/versions`
  const published = await ask(who.admin, `POST ${path}`, { body: version })
  expect(published.status).toBe(201)
  expect(published.body).toMatchObject({ version: 1, prompt_template: version.prompt_template })
})

test('an administrator creates an agent of the platform, which every organization sees', async () => {
  const body = { ...translator, slug: 'everybody', owner: 'platform' }
  const own = { org: who.administrator.orgId }
  const made = await ask(who.administrator, 'POST /agents', { body, ...own })
  expect(made.body).toMatchObject({ owner: 'platform', slug: 'everybody' })
  const seen = await ask(who.stranger, `GET /agents/${made.body.id}`, {
    org: who.stranger.orgId,
  })
  expect(seen.status).toBe(200)
  expect(seen.body.production).not.toHaveProperty('system_prompt')
})

test('two organizations may use one slug', async () => {
  const body = { slug: 'shared', name: 'Shared' }
  const first = await ask(who.owner, 'POST /agents', { body })
  const second = await ask(who.stranger, 'POST /agents', { body, org: who.stranger.orgId })
  expect([first.status, second.status]).toEqual([201, 201])
})

test('the same creation, 20 times in parallel and after a restart: one agent, one answer', async () => {
  const body = { ...translator, slug: 'once' }
  const send = () => ask(who.owner, 'POST /agents', { body, key: 'create-once' })
  const replies = await Promise.all(Array.from({ length: 20 }, send))
  await ask(who.owner, `PATCH /agents/${replies[0]?.body.id}`, { body: { name: 'Renamed' } })
  await app.restart()
  const all = [...replies, await send()]
  expect(new Set(all.map(({ status }) => status))).toEqual(new Set([201]))
  expect(new Set(all.map(({ text }) => text)).size).toBe(1)
  expect(new Set(all.map(({ headers }) => headers['etag']))).toEqual(new Set(['"2"']))
})

test('another version gets the next number; the label stays where it is', async () => {
  const agentId = await anAgent(app, who)
  const body = { ...version, prompt_template: 'Please: {{input}}' }
  const reply = await ask(who.owner, `POST /agents/${agentId}/versions`, { body })
  expect(reply.status).toBe(201)
  expect(reply.body).toMatchObject({ version: 2 })
  const agent = await ask(who.owner, `GET /agents/${agentId}`)
  expect(agent.body).toMatchObject({ labels: { production: 1 }, latest_version: 2 })
})

test('a publication repeated under its key is answered as it was the first time', async () => {
  const agentId = await anAgent(app, who)
  const path = `POST /agents/${agentId}/versions`
  const body = { ...version, prompt_template: 'Two: {{input}}' }
  const first = await ask(who.owner, path, { body, key: 'two' })
  await ask(who.owner, path, { body: { ...version, prompt_template: 'Three: {{input}}' } })
  const again = await ask(who.owner, path, { body, key: 'two' })
  expect([again.status, again.text]).toEqual([201, first.text])
  expect(again.headers['etag']).toBe(first.headers['etag'])
})
