// A program that knows only OpenAI gets its answer, as one document, and the call is an invocation like any other.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestApp } from '../../support/app.ts'
import { callOf, moneyOf } from '../../support/funded.ts'
import { type Door, invocationOf, openDoor, startDoor } from './door.ts'

let app: TestApp
let door: Door
beforeAll(async () => {
  app = await startDoor()
  door = await openDoor(app)
})
afterAll(() => app.stop())

const said = (content: string) => [{ role: 'user', content } as const]

describe('POST /v1/chat/completions', () => {
  test('answers as OpenAI does, and charges as for any call', async () => {
    app.upstream.next({
      text: ['Good ', 'morning.'],
      usage: {
        prompt_tokens: 20,
        completion_tokens: 7,
        total_tokens: 27,
        prompt_tokens_details: { cached_tokens: 5 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    })
    const before = await moneyOf(app, door.owner.orgId)
    const { data, response, request_id } = await door
      .client()
      .chat.completions.create({ model: 'plain', messages: said('Hello') })
      .withResponse()
    const invocationId = invocationOf(response)
    expect(data).toEqual({
      id: `chatcmpl-${invocationId.slice(4)}`,
      object: 'chat.completion',
      created: Math.floor(app.clock.now().getTime() / 1_000),
      model: 'plain',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Good morning.', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 20,
        completion_tokens: 7,
        total_tokens: 27,
        prompt_tokens_details: { cached_tokens: 5 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    })
    expect(request_id).toMatch(/^[\w-]{8,64}$/)
    expect(response.headers.get('location')).toBe(`/invocations/${invocationId}`)
    expect(response.headers.get('x-daybook-dropped')).toBeNull()
    const after = await moneyOf(app, door.owner.orgId)
    // 15 at 1,000 nanos, 5 at half of it, 7 at 2,000.
    expect(before.balance - after.balance).toBe(31_500n)
    expect(after.held).toBe(0n)
    const call = await callOf(app, invocationId)
    expect(call.accepted).toMatchObject({ orgId: door.owner.orgId, label: 'production' })
    expect(call.accepted?.keyId).toMatch(/^key_/)
    await app.settled()
    const asked = { token: door.owner.token, org: door.owner.orgId }
    const shown = await app.request(`GET /invocations/${invocationId}`, asked)
    expect(shown).toMatchObject({ status: 200, body: { output: 'Good morning.' } })
  })

  test('puts the conversation between the agent and the rendered last message', async () => {
    await door.publish('asker', {
      system_prompt: 'You are {{who}}.',
      prompt_template: 'Question: {{input}}',
      variables: [{ name: 'who', max_length: 600 }],
    })
    const before = app.upstream.requests.length
    const { data } = await door
      .client()
      .chat.completions.create({
        model: 'agent/asker@production',
        messages: [
          { role: 'user', content: 'What is {{who}}?' },
          { role: 'assistant', content: 'A name.' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'And' },
              { type: 'text', text: '{{input}}?' },
            ],
          },
        ],
        metadata: { who: `a ${'very '.repeat(110)}wise owl`, feature: 'chat' },
        user: 'customer 17',
      })
      .withResponse()
    expect(data.model).toBe('agent/asker@production')
    expect(app.upstream.request(before).body['messages']).toEqual([
      { role: 'system', content: `You are a ${'very '.repeat(110)}wise owl.` },
      { role: 'user', content: 'What is {{who}}?' },
      { role: 'assistant', content: 'A name.' },
      { role: 'user', content: 'Question: And\n{{input}}?' },
    ])
    const call = await callOf(app, `inv_${data.id.slice('chatcmpl-'.length)}`)
    expect(call.accepted).toMatchObject({
      metadata: { feature: 'chat' },
      endUserText: 'customer 17',
    })
  })

  test.each([
    ['max_tokens', 7, 7],
    ['max_completion_tokens', 8, 8],
    ['max_tokens', 5_000, 100],
  ])('%s %d: at most %d tokens are asked for', async (name, given, asked) => {
    const before = app.upstream.requests.length
    const { response } = await door
      .client()
      .chat.completions.create({ model: 'plain', messages: said('Hello'), [name]: given })
      .withResponse()
    expect(app.upstream.request(before).body).toMatchObject({ max_completion_tokens: asked })
    expect(response.headers.get('x-daybook-dropped')).toBe(given > 100 ? 'max_tokens' : null)
  })

  test('names what it drops', async () => {
    const unknown = { made_up: 1 }
    const before = app.upstream.requests.length
    const { response } = await door
      .client()
      .chat.completions.create({
        ...unknown,
        model: 'plain',
        messages: said('Hello'),
        temperature: 1.5,
        top_p: 0.1,
        seed: 7,
        stop: ['.'],
        n: 1,
        logprobs: false,
        presence_penalty: null,
        response_format: { type: 'text' },
      })
      .withResponse()
    expect(response.headers.get('x-daybook-dropped')).toBe(
      'made_up, temperature, top_p, seed, stop',
    )
    const sent = app.upstream.request(before).body
    for (const name of ['top_p', 'seed', 'stop', 'made_up', 'response_format'])
      expect(sent).not.toHaveProperty(name)
  })

  test.each([
    ['ignore', 'Be brief.', 'messages[system]'],
    ['append', 'Be brief.\n\nSpeak French.\n\nAnd rhyme.', null],
  ])('client_system %s', async (setting, system, dropped) => {
    const slug = `system-${setting}`
    await door.publish(slug, { system_prompt: 'Be brief.', client_system: setting })
    const before = app.upstream.requests.length
    const { response } = await door
      .client()
      .chat.completions.create({
        model: slug,
        messages: [
          { role: 'system', content: 'Speak French.' },
          ...said('Hello'),
          { role: 'developer', content: 'And rhyme.' },
        ],
      })
      .withResponse()
    expect(app.upstream.request(before).body['messages']).toEqual([
      { role: 'system', content: system },
      { role: 'user', content: 'Hello' },
    ])
    expect(response.headers.get('x-daybook-dropped')).toBe(dropped)
  })

  test('an Idempotency-Key that was used gets the same answer, whatever the form', async () => {
    app.upstream.next({ text: 'Once.' })
    const before = app.upstream.requests.length
    const headers = { 'Idempotency-Key': `door-${before}` }
    const body = { model: 'plain', messages: said('Only once') }
    const create = () => door.client().chat.completions.create(body, { headers })
    const [first, second] = [await create(), await create()]
    expect(second).toEqual(first)
    expect(app.upstream.requests.length).toBe(before + 1)
  })

  test('a person with a token of theirs is served, too', async () => {
    const reply = await app.request('POST /v1/chat/completions', {
      token: door.owner.token,
      org: door.owner.orgId,
      body: { model: 'plain', messages: said('Hello') },
    })
    expect(reply).toMatchObject({ status: 200, body: { object: 'chat.completion' } })
  })
})

describe('GET /v1/models', () => {
  test('lists the agents that answer, for keys that invoke', async () => {
    const { data } = await door.client().models.list()
    const plain = data.find(({ id }) => id === 'plain')
    expect(plain).toMatchObject({ object: 'model', owned_by: door.owner.orgId })
    expect(plain?.created).toBeGreaterThan(1_700_000_000)
    expect(new Set(data.map(({ id }) => id)).size).toBe(data.length)
  })

  test('and for keys that read agents', async () => {
    const apiKey = await door.issueKey({ scopes: ['agents:read'], agents: [door.plain] })
    const { data } = await door.client({ apiKey }).models.list()
    expect(data.map(({ id }) => id)).toEqual(['plain'])
  })

  test.each(['plain', 'agent/plain', 'plain@production', 'agent/plain@production'])(
    '%s is a model',
    async (name) => {
      const model = await door.client().models.retrieve(name)
      expect(model).toMatchObject({ id: name, object: 'model', owned_by: door.owner.orgId })
    },
  )
})
