// A call may be left to itself, waited for in turn, and canceled; whatever happens it ends once and its
// hold with it.
import { afterEach, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import {
  callOf,
  type Funded,
  fund,
  type FundedOptions,
  invoke,
  moneyOf,
  storyOf,
} from '../../support/funded.ts'
import { signInMember } from '../../support/seed.ts'
import { openable } from '../../support/upstream.ts'

let app: TestApp
afterEach(() => app.stop())

const until = async (condition: () => Promise<boolean>) => {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5))
}
const ends = (id: string) => until(async () => (await callOf(app, id)).end !== undefined)
const settles = (who: Funded) => until(async () => (await moneyOf(app, who.orgId)).held === 0n)
const later = (who: Funded, key?: string) =>
  invoke(app, who, {}, { headers: { prefer: 'respond-async' }, ...(key ? { key } : {}) })
const cancel = (who: Funded, id: string) =>
  app.request(`POST /invocations/${id}/cancel`, { token: who.token })

describe('respond-async', () => {
  test('answers at once where the call can be read when it has ended', async () => {
    app = await startTestApp()
    const who = await fund(app)
    const gate = openable()
    app.upstream.next({ text: 'Later.', gate })
    const reply = await later(who)
    const { invocation_id: id } = reply.body
    expect(reply.status).toBe(202)
    expect(reply.headers['location']).toBe(`/invocations/${id}`)
    gate.open()
    await ends(id)
    await settles(who)
    await app.settled()
    const shown = await app.request(`GET /invocations/${id}`, { token: who.token })
    expect(shown.body).toMatchObject({
      id,
      status: 'completed',
      output: 'Later.',
      charge: { amount: '0.000012000' },
    })
  })
})

describe('beyond CALLS_AT_ONCE', () => {
  test('a call waits for its turn, and one too many is refused before anything is held', async () => {
    app = await startTestApp({ CALLS_AT_ONCE: '1' })
    const who = await fund(app)
    const gate = openable()
    app.upstream.next({ text: 'First.', gate }, { text: 'Second.' })
    const first = invoke(app, who)
    await app.upstream.arrived(1)
    const queued = async (calls: number) =>
      until(async () => {
        const { waiting, running } = await app.app.deps.jobs.counts('run-invocations')
        return waiting + running === calls
      })
    const second = invoke(app, who)
    await queued(1)
    const third = later(who)
    await queued(2)
    const fourth = await invoke(app, who)
    expect([fourth.status, fourth.headers['retry-after']]).toEqual([503, '5'])
    gate.open()
    expect((await first).body.output).toBe('First.')
    expect((await second).body.output).toBe('Second.')
    await ends((await third).body.invocation_id)
    await settles(who)
    expect(
      (await storyOf(app, `account-${who.orgId}`)).filter((t) => t === 'HoldPlaced'),
    ).toHaveLength(3)
  })
})

describe('cancel', () => {
  test('before the start ends the call, which costs nothing and is never made', async () => {
    app = await startTestApp({ CALLS_AT_ONCE: '1' })
    const who = await fund(app)
    const gate = openable()
    app.upstream.next({ text: 'First.', gate })
    const first = invoke(app, who)
    await app.upstream.arrived(1)
    const waiting = (await later(who, 'waits')).body.invocation_id
    const reply = await cancel(who, waiting)
    expect([reply.status, reply.body['status']]).toEqual([200, 'canceled'])
    gate.open()
    await first
    expect(app.upstream.requests).toHaveLength(1)
    expect(await storyOf(app, `invocation-${waiting}`)).toEqual([
      'InvocationAccepted',
      'InvocationCanceled',
    ])
    expect((await moneyOf(app, who.orgId)).held).toBe(0n)
  })

  const running = async (
    abortPolicy: 'drain' | 'cancel_estimate' | 'cancel_free',
    model: NonNullable<FundedOptions['models']>[number] = { name: 'test-model' },
  ) => {
    app = await startTestApp()
    const who = await fund(app, { agent: { abortPolicy, modelName: model.name }, models: [model] })
    const midGate = openable()
    app.upstream.next({ text: ['One ', 'two'], after: 1, midGate })
    const reply = invoke(app, who, {}, { key: 'running' })
    await app.upstream.arrived(1)
    const started = await later(who, 'running').catch(() => undefined)
    const id = started?.body.invocation_id ?? ''
    expect((await cancel(who, id)).status).toBe(202)
    return { who, id, reply, midGate }
  }

  test('while it runs: drain reads to the end and charges it', async () => {
    const { who, reply, midGate } = await running('drain')
    midGate.open()
    expect((await reply).body).toMatchObject({ output: 'One two', usage: { basis: 'reported' } })
    expect((await moneyOf(app, who.orgId)).held).toBe(0n)
  })

  test('while it runs: cancel_estimate charges what arrived', async () => {
    const { who, id, reply } = await running('cancel_estimate')
    expect((await reply).body).toMatchObject({
      finish_reason: 'canceled',
      usage: { basis: 'estimated' },
    })
    expect(await storyOf(app, `invocation-${id}`)).toEqual([
      'InvocationAccepted',
      'InvocationStarted',
      'InvocationCancelRequested',
      'InvocationCanceled',
    ])
    expect((await moneyOf(app, who.orgId)).held).toBe(0n)
  })

  test('while it runs: cancel_estimate of a model that thinks unseen is drained', async () => {
    const model = {
      name: 'thinker',
      parameters: { maxTokens: 'max_completion_tokens', temperature: false },
    } as const
    const { who, reply, midGate } = await running('cancel_estimate', model)
    midGate.open()
    expect((await reply).body).toMatchObject({ output: 'One two', usage: { basis: 'reported' } })
    expect((await moneyOf(app, who.orgId)).held).toBe(0n)
  })

  test('while it runs: cancel_free charges nothing', async () => {
    const { who, reply } = await running('cancel_free')
    expect((await reply).body).toMatchObject({ cost: { amount: '0.000000000' } })
    expect(await moneyOf(app, who.orgId)).toEqual({ balance: 1_000_000_000n, held: 0n })
  })

  test('after the end says so', async () => {
    app = await startTestApp()
    const who = await fund(app)
    const { invocation_id: id } = (await invoke(app, who)).body
    const reply = await cancel(who, id)
    expect([reply.status, reply.body['code']]).toEqual([409, 'invocation_ended'])
  })
})

describe('another’s call', () => {
  test('answers as one that does not exist; the organization’s with the role for it', async () => {
    app = await startTestApp()
    const [who, stranger] = [await fund(app), await fund(app)]
    const { invocation_id: id } = (await invoke(app, who)).body
    await app.settled()
    const unknown = 'inv_00000000000000000000000000'
    for (const [method, rest] of [
      ['GET', ''],
      ['GET', '/events'],
      ['POST', '/cancel'],
    ]) {
      const ask = (one: string) =>
        app.request(`${method} /invocations/${one}${rest}`, { token: stranger.token })
      const [foreign, none] = [await ask(id), await ask(unknown)]
      expect([foreign.status, foreign.body['code']]).toEqual([404, 'invocation_not_found'])
      expect({ ...foreign.body, request_id: '' }).toEqual({ ...none.body, request_id: '' })
    }
    const ask = async (role: 'member' | 'auditor' | 'admin', line: string) => {
      const person = await signInMember(app, who.orgId, role)
      return (await app.request(line, { token: person.token, org: who.orgId })).status
    }
    expect(await ask('member', `GET /invocations/${id}`)).toBe(404)
    expect(await ask('auditor', `GET /invocations/${id}`)).toBe(200)
    expect(await ask('admin', `GET /invocations/${id}`)).toBe(200)
    expect(await ask('auditor', `POST /invocations/${id}/cancel`)).toBe(403)
  })
})
