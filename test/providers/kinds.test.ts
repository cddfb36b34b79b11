// A server that behaves as OpenAI, Azure, vLLM, Ollama or OpenRouter is called as it wants to be, with the
// files that the documentation shows, and nothing of the seller's account reaches a customer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { modelOf } from '../../src/commands/model/model-body.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { openEvents } from '../support/event-source.ts'
import { callOf, fund, type Funded, invoke, moneyOf } from '../support/funded.ts'
import {
  AFFAIRS,
  type AllProviders,
  CANARY,
  startAllProviders,
} from '../support/providers/affairs.ts'
import { at, documentedModel } from '../support/providers/documented.ts'
import { kinds } from '../support/providers/kinds.ts'
import { WORDS } from '../support/providers/server.ts'

/** Everything that is logged, as one text. */
function listeningLogger() {
  const lines: string[] = []
  const note = (fields: object, message: string) =>
    void lines.push(JSON.stringify({ ...fields, message }))
  return { lines, debug: note, info: note, warn: note, error: note }
}

let app: TestApp
let base: string
const log = listeningLogger()
let providers: AllProviders
beforeAll(async () => {
  providers = await startAllProviders()
  app = await startTestApp(providers.settings, { logger: log })
  base = await app.listen()
})
afterAll(async () => {
  await app.stop()
  await providers.close()
})

describe.each(kinds)('$name', (kind) => {
  const server = () => providers.of(kind.name)
  const customer = (): Promise<Funded> => {
    const model = modelOf(at(server(), documentedModel(kind.name)))
    return fund(app, { models: [model], agent: { modelName: model.name, temperature: 0.5 } })
  }
  const stream = (who: Funded) =>
    openEvents(`${base}/agents/${who.agentId}/invoke`, {
      method: 'POST',
      token: who.token,
      body: { input: 'Hello', stream: true },
    })

  test('answers, and what was used is known', async () => {
    const who = await customer()
    const { status, body } = await invoke(app, who)
    expect({ status, output: body.output }).toEqual({ status: 200, output: WORDS.join('') })
    expect(body.usage).toMatchObject({ basis: kind.basis })
    if (kind.basis === 'reported') expect(body.usage).toMatchObject({ output: WORDS.length })
    const events = await (await stream(who)).rest()
    expect(events.at(-1)).toMatchObject({ event: 'done', data: { output: WORDS.join('') } })
  })

  test('is called at its path, with its key, its model and what that takes', async () => {
    const documented = documentedModel(kind.name)
    await invoke(app, await customer())
    const { path, headers, body } = server().requests.at(-1) ?? {}
    expect(path).toBe(kind.path)
    const [header, value] = kind.keyIn ?? []
    if (header !== undefined) expect(headers?.[header]).toBe(value)
    for (const name of ['authorization', 'api-key'])
      if (name !== header) expect(headers?.[name]).toBeUndefined()
    expect(headers).toMatchObject(documented.headers ?? {})
    expect(body).toMatchObject({
      model: documented.provider_model ?? documented.name,
      [documented.parameters.max_tokens]: 100,
    })
    expect(body?.['temperature']).toBe(documented.parameters.temperature ? 0.5 : undefined)
  })

  test('is tried by `check` as it is called', async () => {
    await customer()
    const before = server().requests.length
    const { where, answer } = await app.app.check(documentedModel(kind.name).name)
    expect(answer).toMatchObject({ ok: true })
    expect(where.startsWith(server().origin)).toBe(true)
    expect(server().requests.length).toBe(before + 1)
  })

  test.each(kind.failures)(
    '$what: our own words, and no affairs of the seller',
    async (failure) => {
      const who = await customer()
      // However often it is asked.
      server().decide(() => Promise.resolve(failure.reply(CANARY)))
      // Somebody else meanwhile, whom no rest binds that the provider asked for.
      const [reply, streamed] = await Promise.all([
        invoke(app, who),
        customer().then((another) => stream(another)),
      ])
      expect(reply.status).toBeGreaterThanOrEqual(422)
      const invocationId = String(reply.body.facts?.['invocation_id'])
      const call = await callOf(app, invocationId)
      expect(call.end?.data).toMatchObject({ reason: failure.reason })
      expect(await moneyOf(app, who.orgId)).toEqual({ balance: 1_000_000_000n, held: 0n })

      const told = JSON.stringify(
        streamed.status === 200 ? await streamed.rest() : await streamed.json(),
      )
      server().decide(() => Promise.resolve(undefined))
      const token = who.token
      const one = await app.request(`GET /invocations/${invocationId}`, { token })
      await app.settled()
      const list = await app.request('GET /invocations', { token })
      const usage = await app.request('GET /usage', { token })
      for (const text of [reply.text, told, one.text, list.text, usage.text])
        expect(text).not.toMatch(AFFAIRS)
    },
  )
})

test('the log has neither a key nor a word of a provider', () => {
  const all = log.lines.join('\n')
  expect(all).toContain('the provider gave no whole answer')
  for (const { key } of kinds) if (key !== '') expect(all).not.toContain(key)
  expect(all).not.toContain('canary')
})
