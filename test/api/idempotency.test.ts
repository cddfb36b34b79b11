// The same wish under one key, twenty times at once and again after a restart, has one effect and one answer; another wish under it is refused.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { en } from '../../src/messages/en.ts'
import { type Reply, startTestApp, type TestApp } from '../support/app.ts'
import { SECRET } from '../support/paddle.ts'
import { effectsOf, logOf, quiet } from '../support/crash-data.ts'
import { fund } from '../support/funded.ts'
import { type Mutation, ownRows, type Rows, type Wish, type World } from '../support/mutations.ts'
import { signIn } from '../support/seed.ts'
import { sharedRows } from '../support/shared-mutations.ts'
import { TELEGRAM } from '../support/telegram-login.ts'
import { everyRoute, nameOf } from '../support/whole-api.ts'

const TIMES = 20
const rows: Rows = { ...ownRows, ...sharedRows }

/** What came of a row: 20 at once, once more after a restart, and another wish with the key. */
interface Came {
  readonly mutation: Mutation
  readonly atOnce: readonly Reply[]
  readonly effects: Readonly<Record<string, number>>
  readonly later: Reply
  readonly afterwards: Readonly<Record<string, number>>
  readonly other: Reply | undefined
}

let app: TestApp
const came = new Map<string, Came>()

beforeAll(async () => {
  app = await startTestApp({ ...TELEGRAM, PADDLE_WEBHOOK_SECRET: SECRET })
  const first = new Map<string, Pick<Came, 'mutation' | 'atOnce' | 'effects'>>()
  for (const [name, row] of Object.entries(rows)) first.set(name, await burst(name, row))
  await app.restart()
  for (const [name, before] of first) {
    const { mutation } = before
    const head = await settledHead()
    const later = await send(mutation.wish, name)
    const other = mutation.other && (await send({ ...mutation.wish, ...mutation.other }, name))
    const afterwards = await effectsAfter(head)
    came.set(name, { ...before, later, other, afterwards })
  }
}, 400_000)
afterAll(() => app.stop())

async function burst(name: string, row: Rows[string]) {
  const world: World = {
    test: app,
    owner: await fund(app),
    administrator: await signIn(app, { administrator: true }),
  }
  const mutation = await row(world)
  const head = await settledHead()
  const atOnce = await Promise.all(Array.from({ length: TIMES }, () => send(mutation.wish, name)))
  return { mutation, atOnce, effects: await effectsAfter(head) }
}

async function settledHead(): Promise<bigint> {
  // Calls may run that a row has made to cancel them.
  await quiet(app.app, { calls: false })
  return app.app.engine.events.head()
}

async function effectsAfter(head: bigint): Promise<Record<string, number>> {
  await quiet(app.app)
  // That each mail which is asked for is sent once is test/workers/send-mails.test.ts's.
  const { MailSent: _, ...effects } = effectsOf(await logOf(app.app, head))
  return effects
}

const send = ({ line, ...options }: Wish, key: string): Promise<Reply> =>
  app.request(line, { ...options, key: key.replaceAll(/[^\w]/g, '-') })

/** What must be the same in every answer. */
function answerOf({ status, body, headers }: Reply, { mayDiffer = [] }: Mutation) {
  // Of a refusal: which request it was.
  const differ = ['request_id', ...mayDiffer]
  const shown = Object.entries(body ?? {}).filter(([name]) => !differ.includes(name))
  return { status, body: Object.fromEntries(shown), location: headers['location'] }
}

test('every route that changes something has a row', () => {
  const mutating = everyRoute(app.app).filter(({ method }) => method !== 'GET')
  expect(mutating.map(nameOf).sort()).toEqual(Object.keys(rows).sort())
})

describe.each(Object.keys(rows))('%s', (name) => {
  const row = () => {
    const found = came.get(name)
    if (!found) throw new Error('it was never asked')
    return found
  }

  test('has one effect', () => {
    const { mutation, effects, afterwards, other } = row()
    const lacked = mutation.mayLack?.filter((type) => effects[type] === undefined) ?? []
    const expected = Object.entries(mutation.effects).filter(([type]) => !lacked.includes(type))
    expect(effects).toEqual(Object.fromEntries(expected))
    expect({ afterwards, other: other?.status }).toMatchObject({ afterwards: {} })
  })

  test('has one answer', () => {
    const { mutation, atOnce, later } = row()
    const all = [...atOnce, later]
    const { status, alsoAnswers = [] } = mutation
    const first = all.find((one) => one.status === status)
    expect(first?.status, all[0]?.text).toBe(status)
    for (const one of all)
      if (!alsoAnswers.includes(one.status))
        expect(answerOf(one, mutation)).toEqual(first && answerOf(first, mutation))
  })

  test('is not another wish', () => {
    const { mutation, other } = row()
    if (!other) return expect(mutation.why).toMatch(/\w/)
    // OpenAI's envelope has one status for what a request is to blame for.
    if (other.body === undefined) {
      // A page says it in words.
      expect(other.text).toContain(en.problems.idempotency_key_reused.title)
      return expect(other.status).toBe(422)
    }
    const envelope = other.body['error'] as { readonly code: string } | undefined
    expect({ status: other.status, code: envelope?.code ?? other.body['code'] }).toEqual({
      status: envelope ? 400 : 422,
      code: 'idempotency_key_reused',
    })
    return undefined
  })
})

test('one key for invitations to two organizations makes two, each with its mail', async () => {
  const { token } = await signIn(app)
  const invite = async (name: string) => {
    const { body } = await app.request<{ id: string }>('POST /organizations', {
      token,
      body: { name },
    })
    const guest = { email: `${body.id}@example.com`, role: 'member' }
    const line = `POST /organizations/${body.id}/invitations`
    return app.request<{ id: string }>(line, { token, key: 'one-key', body: guest })
  }
  const head = await settledHead()
  const [first, second] = [await invite('First'), await invite('Second')]
  expect(first.body.id).not.toBe(second.body.id)
  expect(await effectsAfter(head)).toEqual({
    OrganizationCreated: 2,
    MemberInvited: 2,
    MailRequested: 2,
  })
})
