// Nothing personal is ever in clear on the disk or in a log; with a person's keys destroyed every reader gets `erased`, and no balance, count or view changes.
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createJsonLogger } from '../../src/adapters/json-logger.ts'
import { catalogue } from '../../src/domain/catalogue.ts'
import { isErased } from '../../src/domain/personal.ts'
import type { Projection } from '../../src/projections/projection.ts'
import { projections } from '../../src/projections/index.ts'
import { listMails } from '../../src/projections/mails.ts'
import { startTestApp, type TestApp } from '../support/app.ts'
import { type Canaries, leaveCanaries } from '../support/canaries.ts'
import { expectInvariants, logOf, ofTheProcess, quiet } from '../support/crash-data.ts'
import { moneyOf } from '../support/funded.ts'
import { eventually, newPerson, type Person } from '../support/people.ts'
import { signIn } from '../support/seed.ts'
import { everythingStored, findInClear, overhearRedis } from '../support/stored.ts'
import { everyRoute, nameOf } from '../support/whole-api.ts'

let app: TestApp
let left: Canaries
let bystander: Person
let before: Awaited<ReturnType<typeof counted>>
let clearBefore: string[]
const lines: string[] = []

beforeAll(async () => {
  const stream = new PassThrough().setEncoding('utf8')
  stream.on('data', (text: string) => lines.push(text))
  app = await startTestApp({}, { logger: createJsonLogger({ level: 'debug', stream }) })
  const redis = await overhearRedis(app.app.config)
  left = await leaveCanaries(app)
  bystander = await newPerson(app)
  await eventually(async () => {
    const { items } = await listMails(app.app.deps.views, { limit: 1, state: 'waiting' })
    return items.length === 0 || undefined
  })
  // Requests are recorded in batches, in order: with the last one's record all are there.
  await app.request('GET /me', { token: bystander.token })
  await eventually(async () => {
    const recorded = (await logOf(app.app)).some(
      ({ type, data }) =>
        type === 'UsageRecorded' && JSON.stringify(data).includes(bystander.userId),
    )
    return recorded || undefined
  })
  await quiet(app.app)
  const stored = await everythingStored(app.app.config)
  clearBefore = findInClear(new Map([...stored, ...(await redis.end())]), left.texts)
  before = await counted()
  await destroyKeys()
}, 60_000)
afterAll(() => app.stop(), 30_000)

/** Every key that seals something of the person, of their organizations or of those they invited. */
async function destroyKeys(): Promise<void> {
  const { deps, engine } = app.app
  const whose = [left.userId, left.orgId, left.teamId]
  const invited = (await logOf(app.app)).flatMap(({ type, data }) =>
    type === 'MemberInvited' ? [String(data['invitationId'])] : [],
  )
  const all = await engine.keys.list({ prefix: '', limit: 1_000 })
  const theirs = all.filter((key) => [...whose, ...invited].some((id) => key.includes(id)))
  expect(theirs.length).toBeGreaterThan(3)
  for (const key of theirs) await deps.sealer.destroy(key)
  deps.streams.forget()
}

/** What must not change: the log, every document, the money. */
async function counted() {
  const documents: string[] = []
  for (const one of projections)
    for await (const { key, document } of app.app.runner.views.all(one as Projection<unknown>))
      documents.push(`${one.name} ${key} ${JSON.stringify(document)}`)
  const log = (await logOf(app.app)).filter(({ type }) => !ofTheProcess.has(type))
  return {
    documents,
    log: log.map(({ id, type, data }) => `${id} ${type} ${JSON.stringify(data)}`),
    money: await moneyOf(app, left.orgId),
  }
}

describe('in clear there is nothing', () => {
  test('in anything that is stored, before and after', async () => {
    const stored = await everythingStored(app.app.config)
    // The search finds what is there.
    expect(findInClear(stored, { slug: left.slug })).not.toEqual([])
    expect(clearBefore).toEqual([])
    expect(findInClear(stored, left.texts)).toEqual([])
  })

  test('in the log lines', () => {
    const text = lines.join('')
    expect(text).toContain(left.invocationIds[0]?.slice(0, 3) ?? 'inv')
    for (const [name, canary] of Object.entries(left.texts))
      expect({ name, found: text.includes(canary) }).toEqual({ name, found: false })
  })
})

describe('with the keys destroyed', () => {
  test('every event is read, and what was theirs is erased', async () => {
    let erased = 0
    const streams = new Set((await logOf(app.app)).map(({ stream }) => stream))
    for (const stream of streams)
      for (const { type, data } of await app.app.deps.streams.read(stream)) {
        expect(hasCanary(JSON.stringify(data))).toEqual([])
        for (const { field } of catalogue[type]?.classed ?? []) if (isErased(data[field])) erased++
      }
    expect(erased).toBeGreaterThan(15)
  })

  test('every route answers without an exception and without their texts', async () => {
    const administrator = await signIn(app, { administrator: true })
    const reading = everyRoute(app.app).filter(({ method }) => method === 'GET')
    const statuses = new Set<number>()
    for (const { access, path } of reading)
      for (const token of [left.token, administrator.token]) {
        if (access.actor === 'administrator' && token === left.token) continue
        const line = lineOf(path)
        const reply = await app.request(line, {
          token,
          ...(access.role && token === left.token ? { org: left.orgId } : {}),
        })
        statuses.add(reply.status)
        expect({ line, status: reply.status, text: reply.text }).toMatchObject({
          status: expect.toSatisfy((status: number) => status < 500),
        })
        expect({ line, found: hasCanary(reply.text) }).toEqual({ line, found: [] })
      }
    expect(statuses).toContain(200)
    expect(reading.map(nameOf).length).toBeGreaterThan(20)
  })

  test('the recorded answer is gone, and the model is not asked again', async () => {
    const asked = app.upstream.requests.length
    const reply = await app.request(`POST /agents/${left.agentId}/invoke`, {
      token: left.token,
      org: left.orgId,
      key: 'canary-1',
      body: {
        input: left.texts['input'],
        variables: { word: left.texts['variable'] },
        user: left.texts['endUser'],
      },
    })
    expect({ status: reply.status, code: reply.body['code'] }).toEqual({
      status: 410,
      code: 'content_erased',
    })
    const fresh = await app.request(`POST /agents/${left.agentId}/invoke`, {
      token: left.token,
      org: left.orgId,
      body: { input: 'Hello', variables: { word: 'x' } },
    })
    expect(fresh.status).toBe(410)
    expect(app.upstream.requests.length).toBe(asked)
  })

  test('others are as they were', async () => {
    const { body } = await app.request<{ email: string }>('GET /me', { token: bystander.token })
    expect(body.email).toBe(bystander.email)
  })

  test('no view, balance or event has changed, also when all is read anew', async () => {
    await app.restart()
    await quiet(app.app)
    const after = await counted()
    expect(after.money).toEqual(before.money)
    // What was written since (the administrator who looks) comes after, and beside.
    expect(after.log.slice(0, before.log.length)).toEqual(before.log)
    const now = new Set(after.documents)
    const changed = before.documents.filter((line) => !now.has(line))
    expect(changed).toEqual([])
    await expectInvariants(app.app, { quiet: true, mustNotAppear: Object.values(left.texts) })
    expect(lines.join('')).not.toMatch(/sweep failed|request failed/)
  })
})

const hasCanary = (text: string): string[] =>
  Object.entries(left.texts).flatMap(([name, canary]) => (text.includes(canary) ? [name] : []))

const lineOf = (path: string): string =>
  `GET ${path
    .replace('{agent_id}', left.agentId)
    .replace('/invocations/{id}', `/invocations/${left.invocationIds[0]}`)
    .replace('/organizations/{id}', `/organizations/${left.teamId}`)}`
