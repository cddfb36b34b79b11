// Sums of usage are the sums of the calls, however they are grouped and whatever range is asked for; what
// a call costs the seller stands in the platform's sums alone.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { chargedNanosOf, invocationHistory } from '../../src/projections/invocation-history.ts'
import {
  marginOf,
  platformSummary,
  revenueOf,
  summarizePlatform,
} from '../../src/projections/platform-summary.ts'
import { ownDays, ownGroups } from '../../src/projections/own-usage.ts'
import { summarize, totalOf, usageSummary } from '../../src/projections/usage-summary.ts'
import { addTotals, noTotals, segmentsOf } from '../../src/projections/usage-totals.ts'
import { type Books, idOf, openBooks } from '../support/books.ts'
import { day, expected, stories } from '../support/stories.ts'

let books: Books
beforeEach(async () => {
  books = await openBooks([invocationHistory, usageSummary, platformSummary])
})
afterEach(() => books.close())

async function tell() {
  for (const org of [1, 2]) await books.openAccount(org, 1_000_000n, day(1))
  await Promise.all(stories.map((story, n) => books.call(n + 1, story)))
}

const wide = { from: '2026-01-01', to: '2027-01-01' }
const sum = (amounts: readonly bigint[]) => amounts.reduce((a, b) => a + b, 0n)

describe('sums of usage', () => {
  test('add up to the calls, however they are grouped', async () => {
    await tell()
    await books.settled()
    for (const org of [1, 2]) {
      const orgId = idOf('organization', org)
      const mine = stories.filter((story) => story.org === org && expected(story).ended)
      const total = await totalOf(books.views, { orgId, ...wide })
      expect(total).toMatchObject({
        calls: mine.length,
        completed: mine.filter(({ end }) => end === 'completed').length,
        failed: mine.filter(({ end }) => end === 'failed').length,
        canceled: mine.filter(({ end }) => end === 'canceled').length,
        practice: mine.filter(({ practice }) => practice).length,
        unknown: mine.filter((story) => !expected(story).known).length,
        chargeNanos: String(sum(mine.map((story) => expected(story).charge))),
        waivedNanos: String(sum(mine.map((story) => expected(story).waived))),
        uncollectedNanos: String(sum(mine.map((story) => expected(story).uncollected))),
      })
      expect(total.quantities.output).toBe(40 * mine.filter((one) => expected(one).known).length)
      for (const dimension of ['agent', 'model', 'day'])
        expect(await callsOf({ orgId, dimension })).toBe(mine.length)
      expect(await callsOf({ orgId, dimension: 'user' })).toBe(
        mine.filter(({ user }) => user !== undefined).length,
      )
      expect(await callsOf({ orgId, dimension: 'metadata.team' })).toBe(
        mine.filter(({ metadata }) => metadata?.['team'] !== undefined).length,
      )
      expect(await callsOf({ orgId, dimension: 'end_user' })).toBe(
        mine.filter(({ endUser }) => endUser !== undefined).length,
      )
    }
  })

  test('of any range of days are the calls of those days, by months or not', async () => {
    await tell()
    await books.settled()
    const orgId = idOf('organization', 1)
    for (const [from, to] of [
      ['2026-10-01', '2026-11-01'],
      ['2026-10-17', '2026-12-03'],
      ['2026-10-05', '2026-10-06'],
      ['2026-10-15', '2026-11-15'],
      ['2026-12-09', '2026-12-09'],
    ] as const) {
      const mine = stories.filter(
        (one) => one.org === 1 && expected(one).ended && one.at >= from && one.at < to,
      )
      const { groups } = await summarize(books.views, { orgId, dimension: 'agent', from, to })
      for (const agent of [1, 2, 3, 4])
        expect(groups.get(idOf('agent', agent))?.calls ?? 0).toBe(
          mine.filter((one) => one.agent === agent).length,
        )
    }
  })

  test('of one person hold only their own calls', async () => {
    await tell()
    await books.settled()
    const own = { orgId: idOf('organization', 1), caller: { userId: idOf('user', 2) }, ...wide }
    const mine = stories.filter((one) => one.org === 1 && one.user === 2 && expected(one).ended)
    expect(mine.length).toBeGreaterThan(2)
    const charge = sum(mine.map((story) => expected(story).charge))
    const days = [...(await ownDays(books.views, own)).values()]
    expect(days.reduce(addTotals, noTotals)).toMatchObject({
      calls: mine.length,
      chargeNanos: String(charge),
    })
    for (const dimension of ['day', 'agent', 'model', 'user']) {
      const { groups, truncated } = await ownGroups(books.views, own, dimension)
      expect(truncated).toBe(false)
      expect([...groups.values()].reduce(addTotals, noTotals)).toMatchObject({
        calls: mine.length,
        chargeNanos: String(charge),
        completed: mine.filter(({ end }) => end === 'completed').length,
      })
    }
    const { groups } = await ownGroups(books.views, own, 'model')
    expect(groups.get('second')?.calls ?? 0).toBe(
      mine.filter(({ model }) => model === 'second').length,
    )
  })

  test('never hold what a call costs the seller, the platform’s alone do', async () => {
    await tell()
    const { [usageSummary.name]: customers = '', [platformSummary.name]: sellers = '' } =
      await books.dump()
    expect(customers).not.toMatch(/cost/i)
    expect(sellers).toMatch(/"costNanos":"450"/)
    const real = stories.filter((one) => !one.practice && expected(one).ended)
    for (const dimension of ['day', 'organization', 'model'] as const) {
      const { groups } = await summarizePlatform(books.views, {
        practice: false,
        dimension,
        ...wide,
      })
      const all = [...groups.values()]
      expect(sum(all.map(revenueOf))).toBe(sum(real.map((one) => expected(one).charge)))
      expect(sum(all.map(marginOf))).toBe(
        sum(real.map((one) => expected(one).charge - expected(one).cost)),
      )
    }
    const practice = await summarizePlatform(books.views, {
      practice: true,
      dimension: 'day',
      ...wide,
    })
    expect([...practice.groups.values()].reduce((a, { calls }) => a + calls, 0)).toBe(
      stories.filter((one) => one.practice && expected(one).ended).length,
    )
  })

  test('take a correction on its own day, out of the revenue', async () => {
    await books.openAccount(1, 10_000n, day(1))
    await books.call(1, { org: 1, user: 1, at: day(2), end: 'completed' })
    await books.onAccount(
      1,
      {
        type: 'AdjustCharge',
        adjustmentId: 'a',
        invocationId: idOf('invocation', 1),
        amountNanos: 100n,
        newLotId: idOf('lot', 9),
        charged: [{ lotId: idOf('lot', 1), amountNanos: '1100' }],
        reason: 'the answer was cut',
        of: {
          userId: idOf('user', 1),
          agentId: idOf('agent', 1),
          agentVersion: 1,
          model: 'first',
          metadata: {},
          acceptedAt: day(2),
          practice: false,
        },
        at: day(5),
      },
      day(5),
    )
    await books.settled()
    const orgId = idOf('organization', 1)
    const { groups } = await summarize(books.views, { orgId, dimension: 'day', ...wide })
    expect(groups.get('2026-10-05')).toMatchObject({ calls: 0, adjustedNanos: '100' })
    const agents = await summarize(books.views, { orgId, dimension: 'agent', ...wide })
    expect(agents.groups.get(idOf('agent', 1))).toMatchObject({
      chargeNanos: '1100',
      adjustedNanos: '100',
    })
    const platform = await summarizePlatform(books.views, {
      practice: false,
      dimension: 'model',
      ...wide,
    })
    const first = platform.groups.get('first')
    expect(first && [revenueOf(first), marginOf(first)]).toEqual([1_000n, 550n])
    const call = await books.views.get(invocationHistory, idOf('invocation', 1))
    expect(call && chargedNanosOf(call)).toBe(1_000n)
  })

  test('cut a range into the fewest sums', () => {
    const both = ['day', 'month'] as const
    expect(segmentsOf('2026-10-17', '2026-12-03', both)).toEqual([
      { level: 'day', from: '2026-10-17', to: '2026-11-01' },
      { level: 'month', from: '2026-11', to: '2026-12' },
      { level: 'day', from: '2026-12-01', to: '2026-12-03' },
    ])
    expect(segmentsOf('2026-10-01', '2027-01-01', both)).toEqual([
      { level: 'month', from: '2026-10', to: '2027-01' },
    ])
    expect(segmentsOf('2026-10-02', '2026-11-01', both)).toEqual([
      { level: 'day', from: '2026-10-02', to: '2026-11-01' },
    ])
    expect(segmentsOf('2026-10-01', '2026-11-01', ['day'])).toHaveLength(1)
  })

  async function callsOf(query: { orgId: string; userId?: string; dimension: string }) {
    const { groups, truncated } = await summarize(books.views, { ...query, ...wide })
    expect(truncated).toBe(false)
    return [...groups.values()].reduce((total, { calls }) => total + calls, 0)
  }
})
