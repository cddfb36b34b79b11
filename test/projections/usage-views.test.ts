// What is read from usage and money adds up to the calls that were made, and every view is a function of
// the log: rebuilt, resumed or told the same again, it comes out byte for byte the same.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { balanceOf, heldOf } from '../../src/domain/account/state.ts'
import { account } from '../../src/domain/account/account.ts'
import { accountBalance } from '../../src/projections/account-balance.ts'
import { endUsers, endUserTexts } from '../../src/projections/end-users.ts'
import { foldBatch } from '../../src/projections/fold.ts'
import {
  chargedNanosOf,
  invocationHistory,
  openInvocations,
} from '../../src/projections/invocation-history.ts'
import { ledger, ledgerPage, type LedgerPlace } from '../../src/projections/ledger.ts'
import { holdsPlacedBefore, openHolds } from '../../src/projections/open-holds.ts'
import { platformSummary } from '../../src/projections/platform-summary.ts'
import { findUsage, type UsagePlace, usageRecords } from '../../src/projections/usage-records.ts'
import { usageSummary } from '../../src/projections/usage-summary.ts'
import { physical } from '../../src/projections/views.ts'
import { type Books, digestOf, idOf, openBooks } from '../support/books.ts'
import { day, expected, stories } from '../support/stories.ts'

const views = [
  ledger,
  accountBalance,
  openHolds,
  invocationHistory,
  usageRecords,
  usageSummary,
  endUsers,
  platformSummary,
]
let books: Books
beforeEach(async () => {
  books = await openBooks(views)
})
afterEach(() => books.close())

async function tell() {
  for (const org of [1, 2]) await books.openAccount(org, 1_000_000n, day(1))
  await Promise.all(stories.map((story, n) => books.call(n + 1, story)))
}

describe('views of usage and money', () => {
  test('come out byte for byte the same, rebuilt, resumed or told again', async () => {
    await tell()
    await books.requests(1, [item(1, 1, 1), item(2, 1, 2)], day(2))
    const before = await books.dump()
    for (const one of views) await books.runner.rebuild(one.name)
    expect(await books.dump()).toEqual(before)
    await books.restart()
    expect(await books.dump()).toEqual(before)
    const events = await books.engine.events.readAll({ after: -1n, limit: 10_000 })
    const last = events.at(-1)?.position ?? 0n
    for (const one of views)
      for (const from of [0, 17, events.length - 3])
        await foldBatch(books.engine.views, one, physical(one, 1), events.slice(from), last)
    expect(await books.dump()).toEqual(before)
    expect(Object.values(before).filter((text) => text === '[]')).toEqual([])
  })

  test('fold one event at a time to the same bytes as all at once', async () => {
    await tell()
    await books.settled()
    const events = await books.engine.events.readAll({ after: -1n, limit: 10_000 })
    for (const one of views) {
      const [single, whole] = [physical(one, 7), physical(one, 8)]
      for (const event of events)
        await foldBatch(books.engine.views, one, single, [event], event.position)
      await foldBatch(books.engine.views, one, whole, events, events.at(-1)?.position ?? 0n)
      const scan = { limit: 10_000 }
      expect(await books.engine.views.scan(single, scan)).toEqual(
        await books.engine.views.scan(whole, scan),
      )
    }
  })

  test('keep what a caller sent about its own end users sealed', async () => {
    await tell()
    const dumped = Object.values(await books.dump()).join('\n')
    expect(dumped).not.toContain('customer 4')
    const orgId = idOf('organization', 1)
    const texts = await endUserTexts(books.views, orgId, [digestOf('customer 4'), 'nobody'])
    expect([...texts.keys()]).toEqual([digestOf('customer 4')])
    const sealed = texts.get(digestOf('customer 4'))
    expect(sealed && (await books.sealer.open(sealed))).toBe('customer 4')
  })
})

describe('calls and holds', () => {
  test('show each call from its hold to its charge', async () => {
    await tell()
    await books.settled()
    for (const [n, story] of stories.entries()) {
      const call = await books.views.get(invocationHistory, idOf('invocation', n + 1))
      const { ended, known, charge } = expected(story)
      expect(call?.status).toBe(story.end === 'open' ? 'running' : story.end)
      expect(call?.open).toBe(ended ? undefined : 1)
      expect(call?.holdEnd).toBe(ended ? (known ? 'settled' : 'released') : undefined)
      expect(call && chargedNanosOf(call)).toBe(ended ? charge : undefined)
    }
  })

  test('find what has not ended', async () => {
    await tell()
    await books.settled()
    const unfinished = stories.filter((story) => !expected(story).ended).length
    expect(await count(openInvocations(books.views))).toBe(unfinished)
    expect(await count(holdsPlacedBefore(books.views))).toBe(unfinished)
    const early = stories.filter((story) => !expected(story).ended && story.at < day(20)).length
    expect(await count(holdsPlacedBefore(books.views, day(20)))).toBe(early)
  })
})

describe('the ledger', () => {
  test('counts back from the balance to nothing, page by page', async () => {
    await tell()
    await books.settled()
    const orgId = idOf('organization', 1)
    const { state, revision } = await books.streams.load(account, orgId)
    const rows = []
    for (let after: LedgerPlace | undefined; ;) {
      const page = await ledgerPage(books.views, orgId, { limit: 7, ...(after && { after }) })
      rows.push(...(page?.rows ?? []))
      after = page?.next
      if (!after) break
      // What comes meanwhile moves no line that was seen or will be seen.
      await books.grant(1, 1_000 + rows.length, 5n, day(40))
      await books.settled()
    }
    expect(rows.map((row) => row.revision)).toEqual(
      Array.from({ length: revision + 1 }, (_, index) => revision - index),
    )
    expect(rows[0]).toMatchObject({
      balanceAfterNanos: balanceOf(state).toString(),
      heldAfterNanos: heldOf(state).toString(),
    })
    const [first] = rows.slice(-1)
    expect(first).toMatchObject({ kind: 'opened', balanceAfterNanos: '0', heldAfterNanos: '0' })
  })

  test('of nobody is empty', async () => {
    expect(await ledgerPage(books.views, idOf('organization', 9), { limit: 5 })).toEqual({
      rows: [],
      next: undefined,
    })
  })
})

describe('requests', () => {
  test('are paged one by one, in order, though they lie in batches', async () => {
    const orgId = idOf('organization', 1)
    const all: string[] = []
    for (let batch = 1; batch <= 9; batch++) {
      const items = Array.from({ length: batch * 2 }, (_, n) => item(batch * 100 + n, 1, 1))
      all.push(...items.map(({ requestId }) => requestId))
      await books.requests(batch, [...items, item(batch, 2, 5)], day(batch))
    }
    await books.settled()
    for (const descending of [true, false])
      for (const limit of [1, 4, 7, 200]) {
        const seen: string[] = []
        for (let after: UsagePlace | undefined; ;) {
          const page = await findUsage(
            books.views,
            { orgId, descending },
            { limit, ...(after && { after }) },
          )
          expect(page.items.length).toBeLessThanOrEqual(limit)
          seen.push(...page.items.map(({ requestId }) => requestId))
          after = page.next
          if (!after) break
        }
        expect(seen).toEqual(descending ? all.toReversed() : all)
      }
  })

  test('of a person are found among everybody’s', async () => {
    await books.requests(1, [item(1, 1, 1), item(2, 1, 2), item(3, 1, 1)], day(1))
    await books.requests(2, [item(4, 1, 2), item(5, 1, undefined)], day(2))
    await books.settled()
    const orgId = idOf('organization', 1)
    const of = async (userId?: string) => {
      const query = { orgId, descending: false, ...(userId === undefined ? {} : { userId }) }
      const { items } = await findUsage(books.views, query, { limit: 50 })
      return items.map(({ requestId }) => requestId).sort()
    }
    expect(await of(idOf('user', 1))).toEqual(['request-1', 'request-3'])
    expect(await of()).toHaveLength(5)
  })
})

const item = (n: number, org: number, user: number | undefined) => ({
  requestId: `request-${n}`,
  at: day(1),
  route: '/agents/{agent_id}/invoke',
  method: 'POST',
  status: 200,
  latencyMs: n,
  orgId: idOf('organization', org),
  ...(user === undefined ? {} : { userId: idOf('user', user) }),
})

async function count(items: AsyncIterable<unknown>): Promise<number> {
  let counted = 0
  for await (const _ of items) counted++
  return counted
}
