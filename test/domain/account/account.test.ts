// Money moves as the account's README says: in lots, in order, never twice and never below nothing.
import { describe, expect, it } from 'vitest'
import { account } from '../../../src/domain/account/account.ts'
import { ENDED_HOLDS_KEPT_MS } from '../../../src/domain/account/ended-holds.ts'
import type { AccountEvent } from '../../../src/domain/account/events.ts'
import { holdOf, holdsOf, lotsOf } from '../../../src/domain/account/state.ts'
import {
  after,
  call,
  grant,
  hold,
  lot,
  minute,
  opened,
  release,
  settle,
  sums,
} from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

const parts = (events: readonly AccountEvent[]) => {
  const last = events.findLast((event) => event.type === 'HoldPlaced')
  return last?.data.parts.map(({ lotId, amountNanos }) => [lotId, BigInt(amountNanos)])
}

describe('opening', () => {
  it('happens once, and nothing happens before it', () => {
    const open = { type: 'OpenAccount', ...(opened.data as { orgId: string; at: string }) } as const
    given(account, []).when(open).then([opened])
    given(account, [opened]).when(open).thenNothing()
    given(account, []).when(grant(1, 10n)).thenRefused('account_not_found')
    given(account, []).when(hold(1, 0n)).thenRefused('account_not_found')
  })
})

describe('a hold', () => {
  it('draws what expires first, then promotional credit, then paid', () => {
    const lots = [
      grant(1, 10n, { kind: 'paid' }),
      grant(2, 10n, { kind: 'promotional' }),
      grant(3, 10n, { kind: 'paid', expiresAt: minute(60) }),
      grant(4, 10n, { kind: 'trial', expiresAt: minute(90) }),
      grant(5, 10n, { kind: 'included', expiresAt: minute(60) }),
      grant(6, 10n, { kind: 'promotional' }),
    ]
    expect(parts(after(...lots, hold(1, 55n)))).toEqual([
      [lot(5), 10n],
      [lot(3), 10n],
      [lot(4), 10n],
      [lot(2), 10n],
      [lot(6), 10n],
      [lot(1), 5n],
    ])
  })

  it('keeps all that its call is accepted from', () => {
    const events = after(grant(1, 10n), hold(1, 4n))
    const state = stateOf(account, events)
    expect(holdOf(state, call(1))).toMatchObject({
      amountNanos: '4',
      agentVersion: 1,
      priceListVersion: 3,
      contents: [{ part: 'input', ref: 'r1', digest: 'd1', size: 5 }],
    })
    expect(holdsOf(state)).toHaveLength(1)
    expect(sums(events)).toEqual({ balance: 10n, available: 6n, held: 4n, debt: 0n })
  })

  it('is refused without credit, saying whether waiting helps', () => {
    const events = after(grant(1, 10n), hold(1, 8n))
    const facts = { availableNanos: '2', heldNanos: '8' }
    given(account, events)
      .when(hold(2, 3n))
      .thenRefused('insufficient_credit', { neededNanos: '3', ...facts, helpsToWait: true })
    given(account, events)
      .when(hold(2, 11n))
      .thenRefused('insufficient_credit', { neededNanos: '11', ...facts, helpsToWait: false })
  })

  it('does not count on held credit that will have expired when it returns', () => {
    const events = after(grant(1, 10n, { expiresAt: minute(5) }), hold(1, 8n))
    given(account, events)
      .when(hold(2, 3n, { at: minute(5) }))
      .thenRefused('insufficient_credit', {
        neededNanos: '3',
        availableNanos: '0',
        heldNanos: '8',
        helpsToWait: false,
      })
  })

  it('is refused when its request is older than a minute', () => {
    const events = after(grant(1, 10n))
    given(account, events)
      .when(hold(1, 1n, { requestedAt: minute(0), at: minute(1) }))
      .then([expect.objectContaining({ type: 'HoldPlaced' })])
    given(account, events)
      .when(hold(1, 1n, { requestedAt: minute(0), at: minute(1.001) }))
      .thenRefused('request_too_old')
  })

  it('is placed once, also when its call has ended', () => {
    const events = after(grant(1, 10n), hold(1, 4n))
    given(account, events).when(hold(1, 4n)).thenNothing()
    given(account, [...events, ...given(account, events).when(settle(1, 1n)).events()])
      .when(hold(1, 4n))
      .thenNothing()
    given(account, [...events, ...given(account, events).when(release(1)).events()])
      .when(hold(1, 4n))
      .thenNothing()
  })

  it('of nothing passes on an empty account', () => {
    expect(parts(after(hold(1, 0n), settle(1, 0n)))).toEqual([])
  })
})

describe('the end of a hold', () => {
  it('charges the price, at most the hold; the rest is the seller’s loss', () => {
    const events = after(grant(1, 10n), hold(1, 4n))
    const settled = (price: bigint, waived: bigint) => {
      const [event] = given(account, events)
        .when(settle(1, price, { waivedNanos: waived }))
        .events()
      if (event?.type !== 'HoldSettled') throw new Error('not settled')
      const { chargeNanos, waivedNanos, uncollectedNanos } = event.data
      return [chargeNanos, waivedNanos, uncollectedNanos].map(Number)
    }
    expect(settled(3n, 0n)).toEqual([3, 0, 0])
    expect(settled(3n, 3n)).toEqual([0, 3, 0])
    expect(settled(9n, 0n)).toEqual([4, 0, 5])
    expect(settled(9n, 2n)).toEqual([4, 2, 3])
  })

  it('returns what was not charged to the lots it came from, last drawn first', () => {
    const events = after(
      grant(1, 10n, { kind: 'promotional' }),
      grant(2, 10n),
      hold(1, 15n),
      settle(1, 12n),
    )
    const [promotional, paid] = lotsOf(stateOf(account, events))
    expect(promotional).toMatchObject({ drawnNanos: 10n, reservedNanos: 0n })
    expect(paid).toMatchObject({ drawnNanos: 2n, reservedNanos: 0n })
    expect(sums(events)).toEqual({ balance: 8n, available: 8n, held: 0n, debt: 0n })
  })

  it('comes once, and is either a charge or a release', () => {
    const settled = after(grant(1, 10n), hold(1, 4n), settle(1, 3n))
    given(account, settled).when(settle(1, 2n)).thenNothing()
    given(account, settled).when(release(1)).thenRefused('hold_not_found')
    const released = after(grant(1, 10n), hold(1, 4n), release(1))
    given(account, released).when(release(1)).thenNothing()
    given(account, released).when(settle(1, 3n)).thenRefused('hold_not_found')
    given(account, [opened]).when(settle(1, 3n)).thenRefused('hold_not_found')
    expect(sums(released)).toEqual({ balance: 10n, available: 10n, held: 0n, debt: 0n })
  })

  it('is a defect, not an answer, where more is waived than the price', () => {
    const state = stateOf(account, after(grant(1, 10n), hold(1, 4n)))
    expect(() => account.decide(settle(1, 1n, { waivedNanos: 2n }), state)).toThrow('waived')
  })

  it('is forgotten in time, so that a busy account stays small', () => {
    const events = after(grant(1, 1_000n))
    let state = stateOf(account, events)
    let largest = 0
    for (let n = 1; n <= 5_000; n++) {
      const at = minute(n / 10)
      for (const command of [hold(n, 1n, { at }), settle(n, 0n, { at })])
        for (const event of account.decide(command, state)) state = account.evolve(state, event)
      largest = Math.max(largest, state.ended.younger.size + state.ended.older.size)
      // A call that ended less than the promised time ago is never forgotten.
      const kept = Math.max(1, n - ENDED_HOLDS_KEPT_MS / 6_000 + 1)
      expect(account.decide(hold(kept, 1n, { at }), state)).toEqual([])
    }
    expect(largest).toBeLessThanOrEqual((2 * ENDED_HOLDS_KEPT_MS) / 6_000 + 1)
    expect(state.holds.size).toBe(0)
  })
})
