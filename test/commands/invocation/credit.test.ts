// Parallel calls never spend the same credit twice: credit for n lets exactly n of k through.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { expectCallsWhole } from '../../support/call-invariants.ts'
import { fund, grant, invoke, moneyOf, prices } from '../../support/funded.ts'
import { openable } from '../../support/upstream.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

test('k calls at once on credit for n', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        calls: fc.integer({ min: 2, max: 12 }),
        paid: fc.integer({ min: 1, max: 12 }),
        input: fc.bigInt({ min: 1n, max: 9_000_000_000n }),
        output: fc.bigInt({ min: 1n, max: 9_000_000_000n }),
        spare: fc.bigInt({ min: 0n, max: 1n }),
      }),
      async ({ calls, paid, input, output, spare }) => {
        fc.pre(paid < calls)
        const price = prices(input, output)
        const who = await fund(app, { price, creditNanos: 0n })
        const needed = BigInt(await neededBy(who))
        // One nano less than another call would take.
        await grant(app, who.orgId, BigInt(paid) * needed + spare * (needed - 1n))
        const gate = openable()
        app.upstream.otherwise({ gate })
        const from = app.upstream.requests.length
        const others = Promise.withResolvers<void>()
        let left = calls - paid
        const replies = Array.from({ length: calls }, async () => {
          const reply = await invoke(app, who)
          if (--left === 0) others.resolve()
          return reply
        })
        // One that settles gives back what it did not need, and more could be let in afterwards.
        await Promise.all([app.upstream.arrived(from + paid), others.promise])
        gate.open()
        const statuses = (await Promise.all(replies)).map((reply) => reply.status)
        expect(statuses.filter((status) => status === 200)).toHaveLength(paid)
        expect(statuses.filter((status) => status === 402)).toHaveLength(calls - paid)
        expect(app.upstream.requests.length).toBe(from + paid)
        await expectCallsWhole(app, who.orgId)
      },
    ),
    { numRuns: 12 },
  )
})

/** What a call holds, in nanos, as its refusal without credit says. */
async function neededBy(who: Parameters<typeof invoke>[1]): Promise<string> {
  const { body, status } = await invoke(app, who)
  expect(status).toBe(402)
  const { amount } = (body.facts?.['needed'] ?? {}) as { amount: string }
  expect((await moneyOf(app, who.orgId)).held).toBe(0n)
  return BigInt(amount.replace('.', '')).toString()
}
