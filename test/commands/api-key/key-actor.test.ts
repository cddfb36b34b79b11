// Guarantee: what cannot be a key costs no read, and ids that somebody makes up drive nothing out of what is kept.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKeyActors } from '../../../src/commands/api-key/key-actor.ts'
import type { Streams } from '../../../src/commands/streams.ts'
import { secretFrom, tokenOf } from '../../../src/domain/api-key/token.ts'
import { idFromUuid } from '../../../src/domain/ids.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { signIn } from '../../support/seed.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const request = { wanted: undefined, locale: 'en' }

function counted() {
  const { streams, ids, clock } = app.app.deps
  const asked = { looks: 0, loads: 0 }
  const counting: Streams = {
    ...streams,
    readOne(stream, revision) {
      asked.looks += 1
      return streams.readOne(stream, revision)
    },
    load(decider, id) {
      asked.loads += 1
      return streams.load(decider, id)
    },
  }
  return { asked, actorOf: createKeyActors({ streams: counting, ids, clock }) }
}

const madeUp = () => {
  const { ids } = app.app.deps
  return tokenOf({ keyId: idFromUuid('apiKey', ids.random()), secret: secretFrom(ids.secret()) })
}

test('what has not its form or checksum is refused unread', async () => {
  const { asked, actorOf } = counted()
  for (const text of [
    'daybook_',
    `${madeUp()}x`,
    madeUp().replace(/.$/, '!'),
    '',
    'x'.repeat(4_096),
  ])
    await expect(actorOf(text, request)).rejects.toThrow('unauthenticated')
  expect(asked).toEqual({ looks: 0, loads: 0 })
})

test('ids that are made up are looked for and not kept', async () => {
  const { asked, actorOf } = counted()
  for (let n = 0; n < 20; n++)
    await expect(actorOf(madeUp(), request)).rejects.toThrow('unauthenticated')
  expect(asked).toEqual({ looks: 20, loads: 0 })
})

test('a key that is known is not looked for again', async () => {
  const { token, orgId } = await signIn(app)
  const { body } = await app.request<{ id: string; key: string }>('POST /api-keys', {
    token,
    body: { name: 'K', scopes: ['usage:read'] },
  })
  const { asked, actorOf } = counted()
  for (let n = 0; n < 3; n++)
    expect(await actorOf(body.key, request)).toEqual({
      kind: 'key',
      keyId: body.id,
      orgId,
      scopes: ['usage:read'],
      locale: 'en',
    })
  expect(asked.looks).toBe(1)
})
