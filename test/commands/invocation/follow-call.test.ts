// An answer that was paid for reaches whoever asks for it, whatever else is away.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Deps } from '../../../src/commands/deps.ts'
import { answered } from '../../../src/commands/invocation/ended-call.ts'
import { endedCall } from '../../../src/commands/invocation/follow-call.ts'
import { Unavailable } from '../../../src/ports/unavailable.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { callOf, fund, invoke, moneyOf } from '../../support/funded.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

test('while the views are away, with the balance of now', async () => {
  const who = await fund(app)
  const { body } = await invoke(app, who)
  const { deps } = app.app
  const views: Deps['views'] = {
    ...deps.views,
    get: () => Promise.reject(new Unavailable('views')),
  }
  const ended = await endedCall({ ...deps, views }, await callOf(app, body.invocation_id))
  expect(answered(ended).text).toBe(body.output)
  expect(ended.balanceNanos).toBe((await moneyOf(app, who.orgId)).balance)
})
