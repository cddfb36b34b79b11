// A call whose end cannot be written down is ended by the process that carried it out, costs nothing, and keeps nobody waiting.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { expectCallsWhole } from '../../support/call-invariants.ts'
import { fund, invoke, moneyOf, storyOf } from '../../support/funded.ts'

let app: TestApp
beforeEach(async () => {
  app = await startTestApp()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await app.stop()
})

test('a text that cannot be stored ends its call', async () => {
  const who = await fund(app)
  const { balance } = await moneyOf(app, who.orgId)
  const { contents } = app.app.engine
  const put = contents.put.bind(contents)
  vi.spyOn(contents, 'put').mockImplementationOnce(put).mockRejectedValue(new Error('no room'))
  const reply = await invoke(app, who, {}, { key: 'once' })
  expect(reply).toMatchObject({
    status: 502,
    body: { code: 'invocation_failed', facts: { reason: 'interrupted' } },
  })
  const id = String(reply.body.facts?.['invocation_id'])
  expect(await storyOf(app, `invocation-${id}`)).toEqual([
    'InvocationAccepted',
    'InvocationStarted',
    'InvocationFailed',
  ])
  await expectCallsWhole(app, who.orgId)
  expect((await moneyOf(app, who.orgId)).balance).toBe(balance)
  const again = await invoke(app, who, {}, { key: 'once' })
  expect(again).toMatchObject({ status: 502, body: { facts: reply.body.facts } })
})
