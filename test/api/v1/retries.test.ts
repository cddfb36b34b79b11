// A library that repeats a request whose connection broke gets the call that it lost: one call, one charge; two wishes stay two.
import { connect, createServer, type AddressInfo, type Server } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openInvocations } from '../../../src/projections/invocation-history.ts'
import type { TestApp } from '../../support/app.ts'
import { callOf, moneyOf } from '../../support/funded.ts'
import { type Gate, openable } from '../../support/upstream.ts'
import { type Door, openDoor, startDoor } from './door.ts'

let app: TestApp
let door: Door
let base: string
let other: string
let before = 0
beforeAll(async () => {
  app = await startDoor()
  door = await openDoor(app)
  base = await app.listen()
  other = await door.issueKey()
  await door.publish('strict', { abort_policy: 'cancel_estimate' })
})
afterAll(() => app.stop())
beforeEach(() => {
  before = app.upstream.requests.length
})

const bodyOf = (content: string, model = 'plain') => ({
  model,
  messages: [{ role: 'user', content }] as { role: 'user'; content: string }[],
})

const known = new Set<string>()
/** The call that is open and was not there before. */
async function newest(): Promise<string> {
  await app.settled()
  for await (const { invocationId } of openInvocations(app.app.deps.views))
    if (!known.has(invocationId)) {
      known.add(invocationId)
      return invocationId
    }
  throw new Error('no call is open')
}

/** Sends a request and hangs up once the provider has been asked; answers the call that was lost. */
async function lose(body: object): Promise<{ readonly gate: Gate; readonly id: string }> {
  const gate = openable()
  app.upstream.next({ gate, text: 'Found again.' })
  const count = app.upstream.requests.length + 1
  const leaving = new AbortController()
  const sent = fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${door.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: leaving.signal,
  })
  await app.upstream.arrived(count)
  const id = await newest()
  leaving.abort()
  await expect(sent).rejects.toThrow()
  await expect.poll(async () => (await callOf(app, id)).cancelRequestedAt).toBeDefined()
  return { gate, id }
}

interface Answer {
  readonly status: number
  readonly id: string | null
  readonly body: unknown
}

const send = async (body: object, key = door.key, count = '0'): Promise<Answer> => {
  const response = await fetch(`${base}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'x-stainless-retry-count': count,
    },
    body: JSON.stringify(body),
  })
  const { status, headers } = response
  return { status, id: headers.get('x-daybook-invocation-id'), body: await response.json() }
}
const repeat = (body: object, key = door.key, count = '1') => send(body, key, count)
const idOf = ({ id }: Answer) => id ?? ''
const calls = () => app.upstream.requests.length - before

/** Between a client and the server: `cut` tears every connection that is open. */
async function startWire(): Promise<{ url: string; cut(): void; close(): Promise<void> }> {
  const { port } = new URL(base)
  const open = new Set<() => void>()
  const server: Server = createServer((client) => {
    const far = connect(Number(port), '127.0.0.1')
    const tear = () => {
      open.delete(tear)
      client.destroy()
      far.destroy()
    }
    open.add(tear)
    for (const socket of [client, far]) socket.on('error', tear).on('close', tear)
    client.pipe(far).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => open.forEach((tear) => tear())
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        cut()
      }),
  }
}

describe('OpenAI’s own library', () => {
  test.each([false, true])('repeats by itself and pays once; stream: %s', async (stream) => {
    const wire = await startWire()
    try {
      const { balance } = await moneyOf(app, door.owner.orgId)
      const gate = openable()
      app.upstream.next({ gate, text: ['Only ', 'once.'] })
      const client = door.client({ baseURL: `${wire.url}/v1`, maxRetries: 3 })
      const body = bodyOf(`The wire is cut: ${stream}`)
      const answer = (async () => {
        if (!stream) {
          const { choices } = await client.chat.completions.create(body)
          return choices[0]?.message.content
        }
        let text = ''
        for await (const { choices } of await client.chat.completions.create({
          ...body,
          stream: true,
        }))
          text += choices[0]?.delta.content ?? ''
        return text
      })()
      await app.upstream.arrived(before + 1)
      const id = await newest()
      wire.cut()
      await expect.poll(async () => (await callOf(app, id)).cancelRequestedAt).toBeDefined()
      gate.open()
      expect(await answer).toBe('Only once.')
      expect(calls()).toBe(1)
      // 10 tokens in, 2 out.
      expect(balance - (await moneyOf(app, door.owner.orgId)).balance).toBe(14_000n)
    } finally {
      await wire.close()
    }
  })
})

describe('a repeat', () => {
  test('joins the call while it runs, and once it has ended', async () => {
    const body = bodyOf('Lost while it ran')
    const { gate, id } = await lose(body)
    const joined = repeat(body)
    gate.open()
    const reply = await joined
    expect(reply).toMatchObject({
      status: 200,
      body: { id: `chatcmpl-${id.slice(4)}`, choices: [{ message: { content: 'Found again.' } }] },
    })
    expect(calls()).toBe(1)
    const ended = await lose(bodyOf('Lost, then ended'))
    ended.gate.open()
    await expect.poll(async () => (await callOf(app, ended.id)).end).toBeDefined()
    expect(idOf(await repeat(bodyOf('Lost, then ended')))).toBe(ended.id)
    expect(calls()).toBe(2)
  })

  test('joins the most recent one, each once', async () => {
    const body = bodyOf('Two equal wishes')
    const [first, second] = [await lose(body), await lose(body)]
    expect(first.id).not.toBe(second.id)
    first.gate.open()
    second.gate.open()
    const [one, two, three] = [await repeat(body), await repeat(body), await repeat(body)]
    expect(new Set([idOf(one), idOf(two)])).toEqual(new Set([first.id, second.id]))
    // Nothing is left to be found: a call like any other.
    expect([first.id, second.id]).not.toContain(idOf(three))
    expect(calls()).toBe(3)
  })

  test.each([
    ['by nobody who says so', () => repeat(bodyOf('Mine'), door.key, '0')],
    ['of another key', () => repeat(bodyOf('Mine'), other)],
    ['of another body', () => repeat(bodyOf('Mine, too'))],
  ])('%s is another call', async (_what, again) => {
    const { gate, id } = await lose(bodyOf('Mine'))
    gate.open()
    expect(idOf(await again())).not.toBe(id)
    expect(calls()).toBe(2)
    // Whoever has lost it still finds it.
    expect(idOf(await repeat(bodyOf('Mine')))).toBe(id)
  })

  test('of an answer that arrived is another call', async () => {
    const body = bodyOf('It arrived')
    const first = await send(body)
    expect(first.status).toBe(200)
    expect(idOf(await repeat(body))).not.toBe(idOf(first))
    expect(calls()).toBe(2)
  })

  test('of a call that its agent breaks off is another call', async () => {
    const body = bodyOf('Broken off', 'strict')
    const { gate, id } = await lose(body)
    await expect.poll(async () => (await callOf(app, id)).status).toBe('canceled')
    gate.open()
    expect(idOf(await repeat(body))).not.toBe(id)
    expect(calls()).toBe(2)
  })

  test('that comes after ten minutes is another call', async () => {
    const body = bodyOf('Much later')
    const { gate, id } = await lose(body)
    gate.open()
    await expect.poll(async () => (await callOf(app, id)).end).toBeDefined()
    app.clock.advance(10 * 60_000 + 1)
    expect(idOf(await repeat(body))).not.toBe(id)
    expect(calls()).toBe(2)
  })
})
