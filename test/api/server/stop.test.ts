// A process that stops loses nobody: it says that it leaves, ends what it has begun, and lets others take over.
import { once } from 'node:events'
import { Agent, get, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { createRunningCalls } from '../../../src/commands/invocation/running-calls.ts'
import type { Engine } from '../../../src/ports/engine.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { openTemporary } from '../../support/embedded-engine.ts'
import { type Funded, fund } from '../../support/funded.ts'
import { openable } from '../../support/upstream.ts'

let app: TestApp
let who: Funded
let url: string
afterEach(() => app.stop())

async function start(environment: Record<string, string> = {}, engine?: Engine): Promise<void> {
  app = await startTestApp(environment, engine ? { engine } : {})
  who = await fund(app)
  url = await app.listen()
}

/** One of several processes: another one goes on with the same stores when this one has closed them. */
async function shared(): Promise<Engine> {
  const { engine } = await openTemporary()
  return { ...engine, singleProcess: false, close: async () => undefined }
}

interface Answered {
  readonly status: number | undefined
  readonly connection: string | undefined
  readonly body: string
}
const answered = async (response: IncomingMessage): Promise<Answered> => ({
  status: response.statusCode,
  connection: response.headers.connection,
  body: await text(response),
})

/** Keeps its connections, as a proxy does. */
function client() {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  return {
    async get(path: string): Promise<Answered> {
      const [response] = (await once(get(url + path, { agent }), 'response')) as [IncomingMessage]
      return answered(response)
    },
    async invoke(): Promise<Answered> {
      const headers = { authorization: `Bearer ${who.token}`, 'content-type': 'application/json' }
      const path = `${url}/agents/${who.agentId}/invoke`
      const sent = request(path, { agent, method: 'POST', headers })
      sent.end('{"input":"Hello"}')
      const [response] = (await once(sent, 'response')) as [IncomingMessage]
      return answered(response)
    },
  }
}

describe('a stop', () => {
  test('lets an answer that is under way leave whole, and its connection with it', async () => {
    await start()
    const [idle, busy] = [client(), client()]
    expect((await idle.get('/health/live')).connection).not.toBe('close')
    const gate = openable()
    app.upstream.next({ text: 'Whole.', gate })
    const reply = busy.invoke()
    await app.upstream.arrived(1)
    const stopped = app.app.stop()
    gate.open()
    expect(await reply).toMatchObject({ status: 200, connection: 'close' })
    expect((await reply).body).toContain('Whole.')
    await expect(idle.get('/health/live')).rejects.toThrow(/ECONNREFUSED|ECONNRESET/)
    await stopped
  })

  test('where others serve too, goes on answering until a proxy has noticed', async () => {
    await start({ DRAIN_SECONDS: '1' }, await shared())
    const [proxy, kept] = [client(), client()]
    await kept.get('/health/live')
    const begun = performance.now()
    const stopped = app.app.stop()
    const ready = await proxy.get('/health/ready')
    expect(ready).toMatchObject({ status: 503, connection: 'close' })
    expect(ready.body).toContain('it is stopping')
    // On the connection that was kept, and on a new one: both are carried out, and not kept.
    for (const again of [kept, client()])
      expect(await again.invoke()).toMatchObject({ status: 200, connection: 'close' })
    await stopped
    expect(performance.now() - begun).toBeGreaterThan(999)
    await expect(proxy.get('/health/ready')).rejects.toThrow(/ECONNREFUSED/)
  })

  test('gives the sweeps to another process while calls are still running', async () => {
    const engine = await shared()
    await start({}, engine)
    const gate = openable()
    app.upstream.next({ gate })
    const reply = client().invoke()
    await app.upstream.arrived(1)
    const stopped = app.app.stop()
    const lease = { kind: 'lease', key: 'lease:work', limit: 1, ttlMs: 5_000 } as const
    while (!(await engine.counters.reserve([{ ...lease, holder: 'another' }])).ok)
      await new Promise((resolve) => setImmediate(resolve))
    gate.open()
    expect((await reply).status).toBe(200)
    await stopped
  })
})

describe('who waits for a call that another process carries out', () => {
  test('waits on during a stop, until its time is over', async () => {
    await start()
    const calls = createRunningCalls(10)
    const { promise, resolve } = Promise.withResolvers<string>()
    const waiting = calls.follow(promise)
    const stopped = calls.stop(60_000, true)
    await new Promise((done) => setImmediate(done))
    expect(calls.givingUp.aborted).toBe(false)
    resolve('the answer')
    expect(await waiting).toBe('the answer')
    await stopped
    expect(calls.givingUp.aborted).toBe(true)
  })

  test('is told to come again when nobody else could carry it out', async () => {
    await start()
    const calls = createRunningCalls(10)
    void calls.follow(new Promise(() => undefined))
    await calls.stop(60_000, false)
    expect(calls.givingUp.aborted).toBe(true)
  })
})
