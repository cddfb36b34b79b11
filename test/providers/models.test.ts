// The administrator's model list: a name means one model, whoever publishes what at the same time; a call
// may go by an alias; and whoever publishes what this process cannot call is told.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAgent } from '../../src/commands/agent/create-agent.ts'
import { resolveAlias } from '../../src/commands/model/named-model.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { callOf, fund, invoke, version } from '../support/funded.ts'
import { operatorRoot, publishModel, signIn } from '../support/seed.ts'

let app: TestApp
let token: string
beforeAll(async () => {
  app = await startTestApp({
    PROVIDER_URL_AZURE: 'https://own.azure.example/openai',
    PROVIDER_KEY_AZURE: 'canary-key',
  })
  ;({ token } = await signIn(app, { administrator: true }))
})
afterAll(() => app.stop())

const model = (change: object) => ({
  name: 'small',
  provider: 'openai',
  context_size: 8_000,
  max_output: 1_000,
  encoding: 'bytes',
  parameters: { max_tokens: 'max_tokens', temperature: true },
  framing: { per_message: 4, per_request: 3 },
  ...change,
})
const publish = (change: object) =>
  app.request('POST /admin/models', { token, body: model(change) })
const resolve = (name: string) => resolveAlias(app.app.deps, name)
const agentOf = (slug: string) =>
  createAgent(app.app.deps, operatorRoot(app.app.deps), {
    owner: 'platform',
    slug,
    name: slug,
    version: version(),
  })

describe('an alias', () => {
  test('means its model, and a call by it is a call of that model', async () => {
    const who = await fund(app, {
      models: [{ name: 'model-a', aliases: ['fast', 'gpt-x/1.5'] }],
      agent: { modelName: 'fast', fallbacks: ['model-a'] },
    })
    app.upstream.next({ text: 'Hi.' })
    // The administrator's route takes names; the deciders of the test did not.
    await publish({ name: 'model-a', aliases: ['fast', 'gpt-x/1.5'] })
    const reply = await invoke(app, who)
    expect(reply.body.output).toBe('Hi.')
    const { accepted, end } = await callOf(app, reply.body.invocation_id)
    // Twice the same model is one.
    expect(accepted?.chain.map((link) => link.model)).toEqual(['model-a'])
    expect(end?.data.of?.model).toBe('model-a')
    expect(app.upstream.requests.at(-1)?.body['model']).toBe('model-a')
  })

  test('in a policy means its model, however the call names it', async () => {
    const chains = { models: [{ name: 'model-p' }], agent: { modelName: 'model-p' } }
    const who = await fund(app, chains)
    await publish({ name: 'model-p', aliases: ['policy-alias'] })
    const deny = { kind: 'resource_access', name: 'not this one', effect: 'deny' }
    const body = { ...deny, resources: ['agent'], actions: ['invoke'], models: ['policy-alias'] }
    const made = await app.request('POST /policies', { token: who.token, body })
    expect(made.status, made.text).toBe(201)
    expect((await invoke(app, who)).body['code']).toBe('policy_denied')
    const check = async (model: string) => {
      const asked = { resource: 'agent', action: 'invoke', model }
      return (await app.request('POST /policies/check', { token: who.token, body: asked })).body
    }
    for (const name of ['policy-alias', 'model-p'])
      expect(await check(name)).toMatchObject({ effect: 'deny' })
    await publish({ name: 'model-p' })
    expect((await invoke(app, who)).body['code']).toBeUndefined()
  })

  test('in the binding of a key means what it means in a call', async () => {
    const who = await fund(app, {
      models: [{ name: 'model-k' }, { name: 'model-l' }],
      agent: { modelName: 'key-alias' },
    })
    const moved = async (from: string, to: string) => {
      await publish({ name: from })
      await publish({ name: to, aliases: ['key-alias'] })
    }
    await publish({ name: 'model-k', aliases: ['key-alias'] })
    const issue = async (models: readonly string[]) => {
      const body = { name: 'Website', scopes: ['invoke'], models }
      const { body: issued } = await app.request('POST /api-keys', { token: who.token, body })
      return { id: String(issued['id']), key: String(issued['key']) }
    }
    const codeOf = async ({ key }: { key: string }) =>
      (await invoke(app, { ...who, token: key })).body['code']
    const [byAlias, byName] = [await issue(['key-alias']), await issue(['model-k'])]
    expect([await codeOf(byAlias), await codeOf(byName)]).toEqual([undefined, undefined])
    const check = async (named: string) => {
      const body = { key_id: byAlias.id, resource: 'agent', action: 'invoke', model: named }
      return (await app.request('POST /policies/check', { token: who.token, body })).body['effect']
    }
    expect(await Promise.all(['key-alias', 'model-k', 'model-l'].map(check))).toEqual([
      'allow',
      'allow',
      'deny',
    ])
    await moved('model-k', 'model-l')
    expect([await codeOf(byAlias), await codeOf(byName)]).toEqual([undefined, 'policy_denied'])
    await publish({ name: 'model-l' })
    const body = { name: 'Website', scopes: ['invoke'], models: ['key-alias'] }
    const refused = await app.request('POST /api-keys', { token: who.token, body })
    expect(refused.body['code']).toBe('model_not_found')
  })

  test('belongs to one model until that lists it no longer', async () => {
    expect((await publish({ name: 'one', aliases: ['shared'] })).status).toBe(201)
    const refused = await publish({ name: 'two', aliases: ['shared'] })
    expect(refused.status).toBe(409)
    expect(refused.body).toMatchObject({
      code: 'model_name_taken',
      facts: { name: 'shared', model: 'one' },
    })
    expect(await resolve('two')).toBeUndefined()
    await publish({ name: 'one' })
    expect(await resolve('shared')).toBeUndefined()
    expect((await publish({ name: 'two', aliases: ['shared'] })).status).toBe(201)
    expect(await resolve('shared')).toMatchObject({ model: 'two' })
    expect((await publish({ name: 'one', aliases: ['shared'] })).status).toBe(409)
  })

  test('of several who want it at once one has it', async () => {
    const names = Array.from({ length: 6 }, (_, n) => `rival-${n}`)
    const replies = await Promise.all(names.map((name) => publish({ name, aliases: ['wanted'] })))
    expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      201, 409, 409, 409, 409, 409,
    ])
    const winner = names[replies.findIndex(({ status }) => status === 201)]
    expect(await resolve('wanted')).toMatchObject({ model: winner })
  })

  test('is no name of a model, nor is a model named like one', async () => {
    await publish({ name: 'taken-name', aliases: ['taken-alias'] })
    expect((await publish({ name: 'other', aliases: ['taken-name'] })).status).toBe(409)
    expect((await publish({ name: 'taken-alias' })).status).toBe(409)
    expect((await publish({ name: 'itself', aliases: ['itself'] })).status).toBe(409)
    expect((await publish({ name: 'twice', aliases: ['a1', 'a1'] })).status).toBe(400)
  })

  test("is no agent's short name, nor is an agent named like one", async () => {
    await agentOf('assistant')
    const refused = await publish({ name: 'm-assistant', aliases: ['assistant'] })
    expect(refused.body).toMatchObject({ code: 'model_name_taken', facts: { name: 'assistant' } })
    await publish({ name: 'm-helper', aliases: ['helper'] })
    await expect(agentOf('helper')).rejects.toMatchObject({ code: 'slug_taken' })
  })

  test('resolves to the model and the agent that answers for it, while the model takes calls', async () => {
    const published = await publish({ name: 'm/1', aliases: ['gpt-4.1'], agent: 'assistant' })
    const meant = { model: 'm/1', agent: 'assistant' }
    expect(await resolve('gpt-4.1')).toEqual(meant)
    expect(await resolve('m/1')).toEqual(meant)
    await app.request(`POST /admin/models/${String(published.body['id'])}/retire`, { token })
    expect(await resolve('gpt-4.1')).toBeUndefined()
    expect(await resolve('nothing')).toBeUndefined()
  })
})

describe('a model', () => {
  test('is shown as it was published', async () => {
    const whole = {
      provider_model: 'mini-west',
      aliases: ['whole-alias'],
      agent: 'assistant',
      base_url: 'https://own.azure.example/openai/deployments/mini-west',
      key_ref: 'AZURE',
      key_header: 'api-key',
      query: { 'api-version': '2024-10-21' },
      headers: { 'x-title': 'Shop' },
      parameters: { max_tokens: 'max_tokens', temperature: true, stream_usage: false },
      timeouts: { connect_ms: 1_000, first_byte_ms: 20_000, total_ms: 60_000 },
    }
    const published = await publish({ name: 'whole', ...whole })
    expect(published.body).toEqual({ id: published.body['id'], version: 1 })
    expect((await publish({ name: 'whole', ...whole })).status).toBe(200)
    const list = await app.request<{ items: Record<string, unknown>[] }>(
      'GET /admin/models?limit=100',
      { token },
    )
    expect(list.body.items.find(({ name }) => name === 'whole')).toEqual({
      ...model({ name: 'whole', ...whole }),
      id: published.body['id'],
      version: 1,
      retired: false,
    })
    expect(list.text).not.toContain('canary')
  })

  test.each([
    [{ headers: { authorization: 'Bearer x' } }],
    [{ headers: { 'api-key': 'x' } }],
    [{ headers: { host: 'evil.example' } }],
    [{ headers: { 'Content-Length': '1' } }],
    [{ headers: { 'x-title': 'a\r\nb' } }],
    [{ query: { 'a&b': 'c' } }],
    [{ key_ref: 'sk-canary' }],
    [{ base_url: 'file:///etc/passwd' }],
    [{ timeouts: { first_byte_ms: 0 } }],
    [{ provider_model: 'two words' }],
  ])('%o is refused with its path', async (change) => {
    const reply = await publish({ name: 'wrong', ...change })
    expect(reply.status).toBe(400)
    expect(reply.text).toContain(Object.keys(change)[0])
  })

  test('that this process cannot call is published with a warning, and readiness says so', async () => {
    const ready = async () => (await app.request('GET /health/ready')).body
    expect(JSON.stringify(await ready())).not.toContain('providers')
    const unset = await publish({ name: 'unset', key_ref: 'NOWHERE' })
    expect(unset.status).toBe(201)
    expect(unset.body['warnings']).toEqual([expect.stringContaining('PROVIDER_URL_NOWHERE')])
    const astray = await publish({
      name: 'astray',
      key_ref: 'AZURE',
      base_url: 'https://evil.example/openai',
    })
    expect(astray.body['warnings']).toEqual([expect.stringContaining('no key is sent there')])
    await app.settled()
    expect(await ready()).toMatchObject({
      status: 'ready',
      checks: expect.arrayContaining([
        { name: 'providers', ok: true, why: expect.stringContaining('not set in this process') },
      ]) as unknown,
    })
  })

  test('whose key is not here is not called: nothing leaves', async () => {
    const who = await fund(app, {
      models: [{ name: 'elsewhere', keyRef: 'AZURE', baseUrl: app.upstream.baseUrl }],
      agent: { modelName: 'elsewhere' },
    })
    const before = app.upstream.requests.length
    const reply = await invoke(app, who)
    expect(reply.body.code).toBe('provider_unavailable')
    expect(reply.text).not.toMatch(/azure|not set|refused_key/i)
    expect(app.upstream.requests.length).toBe(before)
  })

  test('of the first release reads as ever', async () => {
    const id = await publishModel(app, { name: 'plain' })
    const [event] = await app.app.deps.streams.read(`model-${id}`)
    expect(Object.keys(event?.data ?? {}).sort()).toEqual([
      'at',
      'contextSize',
      'encoding',
      'framing',
      'maxOutput',
      'modelId',
      'name',
      'parameters',
      'provider',
      'version',
    ])
  })
})
