// A completion that waits for its turn, or is carried out for somebody else, is the same completion: options, tools and text.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openInvocations } from '../../../src/projections/invocation-history.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openable } from '../../support/upstream.ts'
import { publishModel, signIn } from '../../support/seed.ts'
import { type Door, openDoor, toolStream } from './door.ts'

let app: TestApp
let door: Door
beforeAll(async () => {
  app = await startTestApp({ CALLS_AT_ONCE: '1' })
  door = await openDoor(app)
  await door.publish('handy', { allow_tools: true })
})
afterAll(() => app.stop())

const messages = [{ role: 'user' as const, content: 'Hello' }]
const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: {} } }]
const streamed = toolStream([{ id: 'call_1', name: 'weather', pieces: ['{}'] }], 'Let me see.')

test('one that waits is asked with its tools, and streams their call at its end', async () => {
  const gate = openable()
  app.upstream.next({ gate, text: 'First.' }, { raw: streamed })
  const first = door.client().chat.completions.create({ model: 'plain', messages })
  await app.upstream.arrived(1)
  const second = door
    .client()
    .chat.completions.stream({ model: 'handy', messages, tools })
    .finalChatCompletion()
  // There is room for one: it waits, accepted.
  const open = async () => {
    await app.settled()
    return (await Array.fromAsync(openInvocations(app.app.deps.views))).map(({ status }) => status)
  }
  await expect.poll(async () => (await open()).sort()).toEqual(['accepted', 'running'])
  gate.open()
  expect((await first).choices[0]?.message.content).toBe('First.')
  expect((await second).choices[0]).toMatchObject({
    finish_reason: 'tool_calls',
    message: {
      content: 'Let me see.',
      tool_calls: [{ id: 'call_1', function: { name: 'weather', arguments: '{}' } }],
    },
  })
  expect(app.upstream.request(1).body).toMatchObject({ tools, messages })
})

test('a key that joins a running call gets all of it', async () => {
  const gate = openable()
  const count = app.upstream.requests.length
  app.upstream.next({ gate, raw: streamed })
  const headers = { 'Idempotency-Key': 'two-at-once' }
  const ask = () =>
    door
      .client()
      .chat.completions.stream({ model: 'handy', messages, tools }, { headers })
      .finalChatCompletion()
  const first = ask()
  await app.upstream.arrived(count + 1)
  const second = ask()
  gate.open()
  const [one, two] = await Promise.all([first, second])
  expect(two.choices).toEqual(one.choices)
  expect(two.id).toBe(one.id)
  expect(app.upstream.requests.length).toBe(count + 1)
})

test('a model of the seller’s list is answered by the agent that the list names', async () => {
  const administrator = await signIn(app, { administrator: true })
  await publishModel(app, { name: 'gpt-house', agent: 'house' })
  const version = { prompt_template: 'In this house: {{input}}', model_name: 'test-model' }
  const made = await app.request('POST /agents', {
    token: administrator.token,
    body: { owner: 'platform', slug: 'house', name: 'House', version },
  })
  expect(made.status, made.text).toBe(201)
  const count = app.upstream.requests.length
  const { data } = await door
    .client()
    .chat.completions.create({ model: 'gpt-house', messages })
    .withResponse()
  expect(data.model).toBe('gpt-house')
  expect(app.upstream.request(count).body).toMatchObject({
    messages: [{ role: 'user', content: 'In this house: Hello' }],
  })
  const models = (await door.client().models.list()).data
  expect(models.find(({ id }) => id === 'house')).toMatchObject({ owned_by: 'platform' })
  // The organization's own of that name comes before it.
  await door.publish('house')
  const own = (await door.client().models.list()).data.filter(({ id }) => id === 'house')
  expect(own).toMatchObject([{ owned_by: door.owner.orgId }])
})
