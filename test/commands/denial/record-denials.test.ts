// What was refused is in the log with who and by which rule, once each; however fast it comes, an event a second.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createDenialRecorder, isDenial } from '../../../src/commands/denial/record-denials.ts'
import type { Actor } from '../../../src/commands/access.ts'
import type { DenialEvent } from '../../../src/domain/denial/events.ts'
import { Refusal, type RefusalCode } from '../../../src/domain/refusal.ts'
import { denials } from '../../../src/projections/denials.ts'
import { type Books, idOf, openBooks } from '../../support/books.ts'
import { fakeClock } from '../../support/clock.ts'
import { silent } from '../../support/silent.ts'

const RUN = '5f0c1d2e-0000-4000-8000-000000000001'
let books: Books
beforeEach(async () => {
  books = await openBooks([denials])
})
afterEach(() => books.close())

function recorder() {
  const onDropped = vi.fn<(denials: number) => void>()
  const deps = {
    streams: books.streams,
    ids: books.ids,
    clock: fakeClock(),
    logger: silent,
    // Only the run of all settings concerns records.
    settings: { runId: RUN } as never,
  }
  return { ...createDenialRecorder(deps, { onDropped }), onDropped }
}
const person = (n: number): Actor => ({
  kind: 'user',
  userId: idOf('user', n),
  sessionId: idOf('session', n),
  locale: 'en',
  administrator: false,
  orgId: idOf('organization', 1),
  role: 'member',
})
const denied = (refusal: Refusal, actor: Actor | undefined = person(1)) => ({
  refusal,
  route: '/agents/{agent_id}/invoke',
  method: 'POST',
  access: { resource: 'agent', action: 'invoke' },
  actor,
  at: new Date('2026-11-01T12:00:00.000Z'),
})
const limited = new Refusal('rate_limited', {
  policyId: idOf('policy', 1),
  version: 2,
  rule: 'Calls per person',
  reason: '60 requests in 60 s per user',
  dimension: 'user',
})
const recorded = async () =>
  (await books.streams.read(`denial-${RUN}-1`)).map(
    ({ data }) => (data as unknown as DenialEvent['data']).items,
  )

test('the same of the same caller is counted, another has its own line', async () => {
  const { record, close } = recorder()
  for (let n = 0; n < 500; n++) record(denied(limited, person(n % 2)))
  record(denied(new Refusal('forbidden', { needed: 'admin' })))
  record(denied(new Refusal('budget_exceeded', { policyId: 'pol_b', policy: 'A budget' })))
  record(denied(limited, { kind: 'anonymous', locale: 'en' }))
  await close()
  const [items, ...more] = await recorded()
  expect(more).toEqual([])
  expect(items).toMatchObject([
    { times: 250, userId: idOf('user', 0), code: 'rate_limited', dimension: 'user' },
    { times: 250, userId: idOf('user', 1), ruling: { version: 2, rule: 'Calls per person' } },
    { times: 1, ruling: { policyId: 'role', rule: 'role', reason: 'needs admin' } },
    { times: 1, ruling: { policyId: 'pol_b', rule: 'A budget' } },
    { times: 1, code: 'rate_limited' },
  ])
  expect(items?.at(-1)).not.toHaveProperty('userId')
})

test('many callers at once fill bounded events, and what is too much is dropped and counted', async () => {
  const { record, close, onDropped } = recorder()
  for (let n = 0; n < 10_050; n++) record(denied(limited, person(n)))
  await close()
  const batches = await recorded()
  expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(300)
  expect(batches.flat()).toHaveLength(10_000)
  expect(onDropped.mock.calls.reduce((sum, [count]) => sum + count, 0)).toBe(50)
})

test('while one batch is written, what comes waits for the next', async () => {
  const { record, close } = recorder()
  record(denied(limited))
  // Whatever the log answers meanwhile: another second has to pass.
  await vi.waitFor(async () => expect(await recorded()).toHaveLength(1), { timeout: 5_000 })
  for (let n = 0; n < 20; n++) {
    record(denied(limited))
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect((await recorded()).length).toBeLessThanOrEqual(2)
  await close()
  const batches = await recorded()
  expect(batches.length).toBeLessThanOrEqual(3)
  expect(batches.flat().reduce((sum, { times }) => sum + times, 0)).toBe(21)
})

test.each<[RefusalCode, boolean]>([
  ['forbidden', true],
  ['policy_denied', true],
  ['rate_limited', true],
  ['budget_exceeded', true],
  ['insufficient_credit', false],
  ['agent_not_found', false],
  ['unauthenticated', false],
])('%s is a denial: %s', (code, expected) => {
  expect(isDenial(new Refusal(code))).toBe(expected)
})
