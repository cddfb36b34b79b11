// A program written for OpenAI keeps the model that it names: an alias leads it to the seller's agent. What
// a provider refuses reaches it in OpenAI's envelope and our words.
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAgent } from '../../src/commands/agent/create-agent.ts'
import { modelOf } from '../../src/commands/model/model-body.ts'
import { publishModel } from '../../src/commands/model/publish-model.ts'
import type { ModelInput } from '../../src/domain/model/events.ts'
import { type Door, openDoor } from '../api/v1/door.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { version } from '../support/funded.ts'
import {
  AFFAIRS,
  type AllProviders,
  CANARY,
  startAllProviders,
} from '../support/providers/affairs.ts'
import { at, documentedModel } from '../support/providers/documented.ts'
import { kinds } from '../support/providers/kinds.ts'
import { WORDS } from '../support/providers/server.ts'
import { operatorRoot } from '../support/seed.ts'

let app: TestApp
let door: Door
let providers: AllProviders
let models: (ModelInput & { readonly agent: string })[]
/** An organization whose prices have every model. */
const somebody = () => openDoor(app, { models: [{ name: 'test-model' }, ...models] })
beforeAll(async () => {
  providers = await startAllProviders()
  app = await startTestApp(providers.settings)
  models = kinds.map(({ name }) => ({
    ...modelOf(at(providers.of(name), documentedModel(name))),
    aliases: [`${name}/as-clients-name-it`],
    agent: `answers-${name}`,
  }))
  const { deps } = app.app
  for (const model of models) {
    const { agent: slug } = model
    const own = version({ modelName: model.name })
    const agent = { owner: 'platform', slug, name: slug, version: own }
    await createAgent(deps, operatorRoot(deps), agent)
    await publishModel(deps, operatorRoot(deps), model)
  }
  door = await somebody()
})
afterAll(async () => {
  await app.stop()
  await providers.close()
})

const messages = [{ role: 'user', content: 'Hello' } as const]

test.each(kinds)('$name answers who asks for its model by an alias', async ({ name }) => {
  const model = `${name}/as-clients-name-it`
  const client = door.client()
  const whole = await client.chat.completions.create({ model, messages })
  expect(whole.choices[0]?.message.content).toBe(WORDS.join(''))
  let text = ''
  const stream = await client.chat.completions.create({ model, messages, stream: true })
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
  expect(text).toBe(WORDS.join(''))
})

test.each(kinds.flatMap(({ name, failures }) => failures.map((one) => ({ name, ...one }))))(
  '$name, $what: an error of ours, whole and in a stream',
  async ({ name, reply }) => {
    const model = `${name}/as-clients-name-it`
    providers.of(name).decide(() => Promise.resolve(reply(CANARY)))
    const refused = async (stream: boolean) => {
      // Somebody else each time, whom no rest binds that the provider asked for.
      const client = (await somebody()).client()
      const error: unknown = await client.chat.completions.create({ model, messages, stream }).then(
        () => undefined,
        (failed: unknown) => failed,
      )
      if (!(error instanceof OpenAI.APIError)) throw new Error('it was refused')
      expect(`${error.message} ${JSON.stringify(error.error)}`).not.toMatch(AFFAIRS)
      expect(error.code).toMatch(/^(provider_\w+|context_\w+|invocation_failed)$/)
    }
    await Promise.all([refused(false), refused(true)])
    providers.of(name).decide(() => Promise.resolve(undefined))
  },
)
