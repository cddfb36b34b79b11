// No client can bring the server down or keep its memory by leaving: whoever goes before the first word
// of a stream leaves a call that runs to its end and is paid for, and nobody else notices.
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'
import { callOf, fund } from '../support/funded.ts'
import { openable } from '../support/upstream.ts'

let app: TestApp
let base: string
const uncaught: unknown[] = []
const note = (error: unknown) => void uncaught.push(error)
beforeAll(async () => {
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
  app = await startTestApp()
  base = await app.listen()
})
afterAll(async () => {
  await app.stop()
  process.off('uncaughtException', note)
  process.off('unhandledRejection', note)
})

test('a stream that is left before its first word', async () => {
  const who = await fund(app)
  const gate = openable()
  app.upstream.next({ gate, text: ['One ', 'two'] })
  const { hostname, port } = new URL(base)
  const socket = connect(Number(port), hostname)
  const body = JSON.stringify({ input: 'Hello', stream: true })
  socket.write(
    `POST /agents/${who.agentId}/invoke HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${who.token}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const before = app.upstream.requests.length
  await app.upstream.arrived(before + 1)
  socket.destroy()
  await app.settled()
  const { items } = (
    await app.request<{ items: { id: string }[] }>('GET /invocations', { token: who.token })
  ).body
  const id = items[0]?.id ?? ''
  await expect.poll(async () => (await callOf(app, id)).cancelRequestedAt).toBeTruthy()
  gate.open()
  await expect.poll(async () => (await callOf(app, id)).status).toBe('completed')
  expect(uncaught).toEqual([])
})
