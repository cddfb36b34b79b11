// What was made from the log is compared with the log: a view or a snapshot that lies is found.
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkInvariants } from '../../../src/cli/invariants/index.ts'
import { grantCredit } from '../../../src/commands/account/grant-credit.ts'
import { createAdministrator } from '../../../src/commands/user/create-administrator.ts'
import { operatorRoot } from '../../../src/cli/operations/operator.ts'
import { account } from '../../../src/domain/account/account.ts'
import { noAccount } from '../../../src/domain/account/state.ts'
import { user } from '../../../src/domain/user/user.ts'
import { physical } from '../../../src/projections/views.ts'
import { users } from '../../../src/projections/users.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { put, versionsOf } from '../../contracts/harness.ts'

let test_: TestApp
let userId: string
let orgId: string

beforeEach(async () => {
  test_ = await startTestApp()
  const { deps } = test_.app
  const password = 'correct horse battery'
  const made = await createAdministrator(deps, operatorRoot(deps), {
    email: 'ada@example.com',
    password,
    locale: 'en',
  })
  userId = made.userId
  orgId = (await deps.streams.load(user, userId)).state?.personalOrgId ?? ''
  await grantCredit(deps, operatorRoot(deps), {
    orgId,
    amountNanos: 5_000_000_000n,
    kind: 'paid',
    reason: 'test',
  })
  await test_.settled()
})
afterEach(() => test_.stop())

const found = async (checked: Parameters<typeof checkInvariants>[0] = test_.app) =>
  (await checkInvariants(checked)).violations.map(({ invariant, where }) => `${invariant} ${where}`)

test('a sound installation breaks nothing, and its views stay as they are', async () => {
  const report = await checkInvariants(test_.app)
  expect(report.violations).toEqual([])
  expect(report).toMatchObject({ accounts: 1, events: expect.any(Number) })
  expect(report.documents).toBeGreaterThan(1)
  expect(await versionsOf(test_.app.engine.views, users.name)).toHaveLength(1)
})

test('P1: a document that was changed, one too many and one too few', async () => {
  const { views } = test_.app.engine
  const served = physical(users, 0)
  const position = await test_.app.engine.events.head()
  const document = await views.get(served, userId)
  const store = (key: string, changed: unknown) =>
    put(views, served, [{ key, document: changed, position: position + 1n }], position)
  await store(userId, { ...(document as object), locale: 'ru' })
  expect(await found()).toEqual(['P1 users'])
  await put(views, served, [{ key: userId, document, position: position + 2n }], position)
  expect(await found()).toEqual([])
  await store('usr_nobody', document)
  expect(await found()).toEqual(['P1 users'])
})

test('P1: what is written meanwhile is no difference', async () => {
  const { deps } = test_.app
  const grant = () =>
    grantCredit(deps, operatorRoot(deps), {
      orgId,
      amountNanos: 1n,
      kind: 'paid',
      reason: 'meanwhile',
    })
  const over = new AbortController()
  const checking = (async () => {
    for (let checks = 0; checks < 3; checks++) expect(await found()).toEqual([])
  })().finally(() => over.abort())
  // Not as fast as it goes: a check reads the whole log, which would grow under its hands.
  while (!over.signal.aborted) await Promise.all([grant(), grant(), setTimeout(50)])
  await checking
})

test('P3: a view that is ahead of the log', async () => {
  const { app } = test_
  const ahead = app.runner.status().map((one) => ({ ...one, checkpoint: 2n ** 62n, stopped: 'x' }))
  const runner = { ...app.runner, status: () => ahead.slice(0, 1) }
  const [first] = ahead
  expect(await found({ ...app, runner })).toEqual([`P3 ${first?.name}`, `P1 ${first?.name}`])
})

test('M1: a snapshot that makes the server believe another balance', async () => {
  const { deps, engine } = test_.app
  const stream = `account-${orgId}`
  const { revision } = await deps.streams.load(account, orgId)
  const state = account.snapshot?.toJson({ ...noAccount, opened: true })
  await engine.snapshots.save(stream, account.snapshot?.version ?? 0, revision, {
    state,
    keyed: [],
  })
  expect(await found()).toEqual([])
  deps.streams.forget()
  expect(await found()).toEqual([`M1 ${stream}`])
})
