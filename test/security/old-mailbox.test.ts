// Whoever reads the mail of an address that a person has left gets nowhere with the links that lie there.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../support/app.ts'
import { freshEmail, mailedToken, newPerson, PASSWORD } from '../support/people.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

test('a link to a new password ends with the address that it was sent to', async () => {
  const person = await newPerson(app)
  await app.request('POST /auth/password/forgot', { body: { email: person.email } })
  const token = await mailedToken(app, person.email, 'reset_password')

  const email = freshEmail()
  const body = { email, current_password: PASSWORD }
  expect((await app.request('PATCH /me', { token: person.token, body })).status).toBe(200)
  const reset = await app.request('POST /auth/password/reset', {
    body: { token, password: 'what the thief has chosen' },
  })
  expect([reset.status, reset.body['code']]).toEqual([422, 'token_unusable'])
  const login = { email, password: PASSWORD }
  expect((await app.request('POST /auth/login', { body: login })).status).toBe(200)
})

test('so does the link that verified it', async () => {
  const person = await newPerson(app)
  const token = await mailedToken(app, person.email, 'verify_email')
  const body = { email: freshEmail(), current_password: PASSWORD }
  expect((await app.request('PATCH /me', { token: person.token, body })).status).toBe(200)
  const verified = await app.request('POST /auth/verify-email', { body: { token } })
  expect([verified.status, verified.body['code']]).toEqual([422, 'token_unusable'])
})
