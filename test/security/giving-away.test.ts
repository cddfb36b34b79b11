// What a call may cost nothing for is the seller's decision: no organization can publish an agent of its
// own whose answers it reads to the last word and cancels unpaid.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'
import { signIn } from '../support/seed.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const version = (abort_policy: string) => ({ prompt_template: '{{input}}', abort_policy })
const agent = (slug: string, policy: string) => ({ slug, name: 'Mine', version: version(policy) })

test('cancel_free with the first version, and with a later one', async () => {
  const { token } = await signIn(app)
  const refused = await app.request('POST /agents', { token, body: agent('mine', 'cancel_free') })
  expect([refused.status, refused.body['code']]).toEqual([403, 'forbidden'])
  expect(refused.body['facts']).toEqual({ needed: 'administrator', abort_policy: 'cancel_free' })

  const made = await app.request<{ id: string }>('POST /agents', {
    token,
    body: agent('mine', 'cancel_estimate'),
  })
  expect(made.status).toBe(201)
  const line = `POST /agents/${made.body.id}/versions`
  const later = await app.request(line, { token, body: version('cancel_free') })
  expect([later.status, later.body['code']]).toEqual([403, 'forbidden'])
  expect((await app.request(line, { token, body: version('drain') })).status).toBe(201)
})

test('an administrator of the installation may', async () => {
  const { token } = await signIn(app, { administrator: true })
  const body = { ...agent('gift', 'cancel_free'), owner: 'platform' }
  expect((await app.request('POST /agents', { token, body })).status).toBe(201)
})
