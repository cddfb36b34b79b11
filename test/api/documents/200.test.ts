// The API describes itself: the document as checked in, and a page that needs no script and no stranger.
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

test('GET /openapi.json is the checked-in document', async () => {
  const reply = await app.request('GET /openapi.json')
  expect(reply.status).toBe(200)
  const file = new URL('../../../docs/openapi.json', import.meta.url)
  expect(reply.text).toBe(await readFile(file, 'utf8'))
})

test('GET /docs has every operation and every problem that a refusal links to', async () => {
  const reply = await app.request('GET /docs')
  expect(reply.status).toBe(200)
  expect(reply.headers['content-type']).toBe('text/html; charset=utf-8')
  expect(reply.headers['content-security-policy']).toContain("default-src 'none'")
  const { body } = await app.request<{ paths: Record<string, Record<string, unknown>> }>(
    'GET /openapi.json',
  )
  for (const methods of Object.values(body.paths))
    for (const operation of Object.values(methods))
      expect(reply.text).toContain(`id="${(operation as { operationId: string }).operationId}"`)
  const refused = await app.request<{ type: string }>('GET /me')
  expect(reply.text).toContain(`id="${refused.body.type.split('#')[1]}"`)
})

test('nothing on the page is a script or comes from elsewhere', async () => {
  const { text } = await app.request('GET /docs')
  expect(text).not.toMatch(/<script|<link|<img|src=|url\(|href="[^#/]/)
})
