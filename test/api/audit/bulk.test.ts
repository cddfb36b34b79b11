// Everything that matches leaves line by line at the reader's pace, however much it is, and nothing else does.
import { get, type IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { ShownEvent } from '../../../src/commands/audit/shown-event.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { writeFacts } from '../../support/audit-log.ts'
import { eventually } from '../../support/people.ts'
import { type History, makeHistory } from './history.ts'

const MANY = 10_000
const NDJSON = { accept: 'application/x-ndjson' }

let app: TestApp
let history: History
let stream: string
beforeAll(async () => {
  app = await startTestApp()
  history = await makeHistory(app)
  stream = await writeFacts(app, history.owner, MANY)
  await app.settled()
}, 60_000)
afterAll(() => app.stop())

const asAuditor = () => ({ token: history.auditor.token, org: history.owner.orgId })

async function open(query: string): Promise<IncomingMessage> {
  const base = await app.listen()
  const { token, org } = asAuditor()
  const headers = { ...NDJSON, authorization: `Bearer ${token}`, 'x-organization-id': org }
  return new Promise((resolve, reject) => {
    get(`${base}/audit/events?${query}`, { headers }, resolve).on('error', reject)
  })
}

describe('application/x-ndjson', () => {
  test(
    '10,000 events, each once, in order, while the reader rests',
    { timeout: 60_000 },
    async () => {
      const sealed = vi.spyOn(app.app.deps.streams, 'sealed')
      try {
        const answer = await open('category=apiKey&order=oldest')
        expect(answer.statusCode).toBe(200)
        expect(answer.headers['content-type']).toBe('application/x-ndjson; charset=utf-8')
        answer.pause()
        // The server goes on until nobody takes any more, which is long before the end.
        let before = -1
        const rested = await eventually(async () => {
          const calls = sealed.mock.calls.length
          const still = calls === before && calls > 0
          before = calls
          return still ? calls : undefined
        })
        const all = MANY / 500
        expect(rested).toBeLessThan(all - 2)
        const revisions: number[] = []
        for await (const line of createInterface({ input: answer })) {
          const event = JSON.parse(line) as ShownEvent
          if (event.stream === stream) revisions.push(event.revision)
        }
        expect(revisions).toEqual(Array.from({ length: MANY }, (_, n) => n))
        expect(sealed.mock.calls.length).toBeGreaterThanOrEqual(all)
      } finally {
        sealed.mockRestore()
      }
    },
  )

  test('a reader who leaves ends the reading', async () => {
    const answer = await open('category=apiKey')
    answer.pause()
    answer.destroy()
    const again = await app.request('GET /audit/events?limit=1', asAuditor())
    expect(again.status).toBe(200)
  })

  test('the filters are those of pages, and so are the refusals', async () => {
    const lines = async (query: string) => {
      const answer = await open(query)
      expect(answer.statusCode).toBe(200)
      const events: ShownEvent[] = []
      for await (const line of createInterface({ input: answer }))
        events.push(JSON.parse(line) as ShownEvent)
      return events
    }
    const call = await lines(`correlation=${history.requestId}&order=oldest`)
    expect(call.map((one) => one.type)).toEqual([
      'HoldPlaced',
      'InvocationAccepted',
      'InvocationStarted',
      'InvocationCompleted',
      'HoldSettled',
    ])
    expect(await lines('type=NoSuchEvent')).toEqual([])
    const foreign = await app.request(
      `GET /audit/events?stream=account-${history.stranger.orgId}`,
      { ...asAuditor(), headers: NDJSON },
    )
    expect(foreign.body).toMatchObject({ status: 404, code: 'not_found' })
    const member = await app.request('GET /audit/events', {
      token: history.member.token,
      org: history.owner.orgId,
      headers: NDJSON,
    })
    expect(member.status).toBe(403)
  })

  test('what is written while it is read is left for the next question', async () => {
    const answer = await open('category=apiKey&order=oldest')
    await writeFacts(app, history.owner, 200, 1)
    let count = 0
    for await (const line of createInterface({ input: answer })) count += line === '' ? 0 : 1
    expect(count).toBe(MANY)
  })
})
