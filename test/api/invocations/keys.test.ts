// One Idempotency-Key is one call, one charge and one answer: in parallel, later, and after a restart.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { fund, grant, invoke, moneyOf, storyOf } from '../../support/funded.ts'
import { openable } from '../../support/upstream.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

describe('the same key', () => {
  test('twenty times in parallel, later and after a restart gets one answer', async () => {
    const who = await fund(app)
    const calls = app.upstream.requests.length
    const gate = openable()
    app.upstream.next({ text: 'Once.', gate })
    const sent = Array.from({ length: 20 }, () => invoke(app, who, {}, { key: 'one' }))
    await app.upstream.arrived(calls + 1)
    gate.open()
    const replies = await Promise.all(sent)
    expect(new Set(replies.map((reply) => reply.text)).size).toBe(1)
    expect(replies[0]?.status).toBe(200)
    await invoke(app, who)
    const later = await invoke(app, who, {}, { key: 'one' })
    expect(later.body).toEqual(replies[0]?.body)
    await app.restart()
    const muchLater = await invoke(app, who, {}, { key: 'one' })
    expect(muchLater.body).toEqual(replies[0]?.body)
    expect(app.upstream.requests.length).toBe(calls + 2)
    expect(await moneyOf(app, who.orgId)).toEqual({ balance: 999_968_000n, held: 0n })
    const story = await storyOf(app, `account-${who.orgId}`)
    expect(story.filter((type) => type === 'HoldSettled')).toHaveLength(2)
  })

  test('with another body is refused', async () => {
    const who = await fund(app)
    expect((await invoke(app, who, {}, { key: 'two' })).status).toBe(200)
    const reply = await invoke(app, who, { input: 'Something else' }, { key: 'two' })
    expect(reply.status).toBe(422)
    expect(reply.body.code).toBe('idempotency_key_reused')
  })

  test('of somebody else is another wish', async () => {
    const [one, other] = await Promise.all([fund(app), fund(app)])
    const first = await invoke(app, one, {}, { key: 'three' })
    const second = await invoke(app, other, {}, { key: 'three' })
    expect(second.status).toBe(200)
    expect(second.body.invocation_id).not.toBe(first.body.invocation_id)
  })

  test('gets the failure again, without a second call', async () => {
    const who = await fund(app)
    app.upstream.next({ status: 400, error: { code: 'unsupported_value' } })
    const first = await invoke(app, who, {}, { key: 'four' })
    const calls = app.upstream.requests.length
    const again = await invoke(app, who, {}, { key: 'four' })
    expect([first.status, again.status]).toEqual([502, 502])
    expect(again.body.facts).toEqual(first.body.facts)
    expect(app.upstream.requests.length).toBe(calls)
  })

  test('gets 410 where the agent keeps no texts, and no second call', async () => {
    const who = await fund(app, { agent: { store: false } })
    const first = await invoke(app, who, {}, { key: 'five' })
    expect(first.status).toBe(200)
    const calls = app.upstream.requests.length
    const again = await invoke(app, who, {}, { key: 'five' })
    expect([again.status, again.body.code]).toEqual([410, 'content_erased'])
    expect(app.upstream.requests.length).toBe(calls)
    const list = await app.app.deps.contents.list({ prefix: `${who.userId}/`, limit: 10 })
    expect(list).toEqual([])
  })

  test('of a refusal is not remembered: with credit the next try goes through', async () => {
    const who = await fund(app, { creditNanos: 0n })
    expect((await invoke(app, who, {}, { key: 'six' })).status).toBe(402)
    await grant(app, who.orgId, 1_000_000_000n)
    expect((await invoke(app, who, {}, { key: 'six' })).status).toBe(200)
  })

  test('streams the recorded text again', async () => {
    const who = await fund(app)
    app.upstream.next({ text: ['Again ', 'and again'] })
    await invoke(app, who, { stream: true }, { key: 'seven' })
    const reply = await invoke(app, who, { stream: true }, { key: 'seven' })
    expect(reply.text).toContain('data: {"text":"Again and again"}')
    expect(reply.text).toContain('event: done')
  })
})
