// What expires, is taken back or corrected moves exactly that, in whatever order it comes.
import { describe, expect, it } from 'vitest'
import { account } from '../../../src/domain/account/account.ts'
import { balanceOf } from '../../../src/domain/account/state.ts'
import {
  adjust,
  after,
  grant,
  hold,
  lot,
  minute,
  release,
  revoke,
  settle,
  sums,
} from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

describe('expiry', () => {
  it('takes what is free, not what is held; a part that returns later expires at once', () => {
    const events = after(grant(1, 10n, { expiresAt: minute(5) }), hold(1, 4n))
    given(account, events)
      .when({ type: 'ExpireCredit', at: minute(4) })
      .thenNothing()
    const expired = given(account, events)
      .when({ type: 'ExpireCredit', at: minute(5) })
      .events()
    expect(expired).toEqual([
      { type: 'CreditExpired', data: { lotId: lot(1), amountNanos: '6', at: minute(5) } },
    ])
    const settled = given(account, [...events, ...expired])
      .when(settle(1, 3n, { at: minute(6) }))
      .events()
    expect(settled.map((event) => event.type)).toEqual(['HoldSettled', 'CreditExpired'])
    expect(settled[1]?.data).toMatchObject({ amountNanos: '1' })
    expect(sums([...events, ...expired, ...settled])).toMatchObject({ balance: 0n, available: 0n })
  })

  it('is written down by the next command that changes anything', () => {
    const events = after(grant(1, 10n, { expiresAt: minute(5) }), grant(2, 10n))
    expect(sums(events, minute(5))).toMatchObject({ balance: 20n, available: 10n })
    expect(
      given(account, events)
        .when(hold(1, 4n, { at: minute(5) }))
        .events()
        .map((event) => event.type),
    ).toEqual(['CreditExpired', 'HoldPlaced'])
    // A refusal leaves nothing.
    given(account, events)
      .when(hold(1, 11n, { at: minute(5) }))
      .thenRefused('insufficient_credit')
  })
})

describe('a grant', () => {
  it('is made once for each id', () => {
    given(account, after(grant(1, 10n)))
      .when(grant(1, 10n, { at: minute(1) }))
      .thenNothing()
  })

  it('never lifts a balance above what every store can hold', () => {
    const most = 9_223_372_036_854_775_807n
    given(account, after(grant(1, most - 1n)))
      .when(grant(2, 2n))
      .thenRefused('adjustment_too_large', { largestNanos: '1' })
  })
})

describe('a revocation', () => {
  const spent = [grant(1, 10n), hold(1, 8n), settle(1, 8n)] as const

  it('takes what is free of the lot; the rest is debt, which stops every hold', () => {
    const events = after(...spent, revoke(1))
    expect(events.at(-1)?.data).toMatchObject({
      amountNanos: '10',
      takenNanos: '2',
      debtNanos: '8',
    })
    expect(sums(events)).toEqual({ balance: -8n, available: -8n, held: 0n, debt: 8n })
    given(account, events).when(hold(2, 0n)).thenRefused('insufficient_credit', {
      neededNanos: '0',
      availableNanos: '-8',
      heldNanos: '0',
      helpsToWait: false,
    })
    given(account, events).when(revoke(1)).thenNothing()
  })

  it('is paid by the next grant, in the same event', () => {
    const events = after(...spent, revoke(1), grant(2, 5n), grant(3, 5n))
    expect(events.at(-2)?.data).toMatchObject({ repayments: [{ lotId: lot(2), amountNanos: '5' }] })
    expect(events.at(-1)?.data).toMatchObject({ repayments: [{ lotId: lot(3), amountNanos: '3' }] })
    expect(sums(events)).toEqual({ balance: 2n, available: 2n, held: 0n, debt: 0n })
  })

  it('is paid by what returns to the lot from an open hold', () => {
    const events = after(grant(1, 10n), hold(1, 8n), revoke(1))
    expect(sums(events)).toEqual({ balance: 0n, available: -8n, held: 8n, debt: 8n })
    expect(sums([...events, ...given(account, events).when(release(1)).events()])).toEqual({
      balance: 0n,
      available: 0n,
      held: 0n,
      debt: 0n,
    })
    expect(sums([...events, ...given(account, events).when(settle(1, 3n)).events()])).toEqual({
      balance: -3n,
      available: -3n,
      held: 0n,
      debt: 3n,
    })
  })

  it('is paid by other free credit at once: the order of grant and revocation does not matter', () => {
    const sooner = after(...spent, grant(2, 20n), revoke(1))
    const later = after(...spent, revoke(1), grant(2, 20n))
    expect(sums(sooner)).toEqual({ balance: 12n, available: 12n, held: 0n, debt: 0n })
    expect(sums(later)).toEqual(sums(sooner))
  })

  it('asks nothing back for credit that had expired: the order of the two does not matter', () => {
    const before = [grant(1, 10n, { expiresAt: minute(5) }), hold(1, 4n), settle(1, 4n)]
    const expire = { type: 'ExpireCredit', at: minute(5) } as const
    for (const amount of [3n, 10n]) {
      const more = { amountNanos: amount, at: minute(6) }
      const late = after(...before, expire, revoke(1, more))
      const early = after(...before, revoke(1, { ...more, at: minute(4) }), expire)
      expect(balanceOf(stateOf(account, late))).toBe(balanceOf(stateOf(account, early)))
    }
  })

  it('excuses what had expired once, also when credit is asked back in pieces', () => {
    const events = after(
      grant(1, 10n, { expiresAt: minute(5) }),
      hold(1, 4n),
      settle(1, 4n),
      revoke(1, { amountNanos: 6n, at: minute(6) }),
      revoke(1, { revocationId: 'the rest', at: minute(7) }),
    )
    expect(events.slice(-2).map(({ data }) => data)).toMatchObject([
      { amountNanos: '0', expiredBeforeNanos: '6', debtNanos: '0' },
      { amountNanos: '4', expiredBeforeNanos: '0', debtNanos: '4' },
    ])
    expect(sums(events)).toMatchObject({ balance: -4n, debt: 4n })
  })

  it('never asks for more than was granted', () => {
    const events = after(grant(1, 10n), revoke(1, { amountNanos: 4n }))
    const again = { revocationId: 'another' }
    given(account, events)
      .when(revoke(1, { ...again, amountNanos: 7n }))
      .thenRefused('adjustment_too_large', { largestNanos: '6' })
    expect(given(account, events).when(revoke(1, again)).events()[0]?.data).toMatchObject({
      amountNanos: '6',
    })
    given(account, events).when(revoke(2)).thenRefused('lot_not_found')
  })
})

describe('an adjustment', () => {
  const charged = after(
    grant(1, 10n, { kind: 'promotional', expiresAt: minute(60) }),
    grant(2, 10n),
    hold(1, 16n),
    settle(1, 14n),
  )

  it('in favour returns credit to the lots it came from, last drawn first', () => {
    const [event] = given(account, charged)
      .when(adjust(1, 6n, charged))
      .events()
    expect(event?.data).toMatchObject({
      amountNanos: '6',
      returned: [
        { lotId: lot(1), amountNanos: '2' },
        { lotId: lot(2), amountNanos: '4' },
      ],
      remaining: [{ lotId: lot(1), amountNanos: '8' }],
    })
  })

  it('in favour of an expired lot makes a new one of 30 days', () => {
    const late = adjust(1, 14n, charged, { at: minute(61) })
    const events = [...charged, ...given(account, charged).when(late).events()]
    expect(events.at(-1)?.data).toMatchObject({
      returned: [{ lotId: lot(2), amountNanos: '4' }],
      newLot: {
        lotId: late.newLotId,
        amountNanos: '10',
        expiresAt: minute(61 + 30 * 24 * 60),
      },
      remaining: [],
    })
    expect(sums(events, minute(61))).toMatchObject({ balance: 20n, available: 20n })
  })

  it('never gives back more than was charged, however many there are', () => {
    given(account, charged)
      .when(adjust(1, 15n, charged))
      .thenRefused('adjustment_too_large', { largestNanos: '14' })
    const once = [
      ...charged,
      ...given(account, charged)
        .when(adjust(1, 10n, charged))
        .events(),
    ]
    given(account, once)
      .when(adjust(1, 10n, charged))
      .thenNothing()
    given(account, once)
      .when(adjust(1, 5n, charged))
      .thenRefused('adjustment_too_large', { largestNanos: '4' })
  })

  it('against the buyer draws what is free, and no more than that', () => {
    const events = [
      ...charged,
      ...given(account, charged)
        .when(adjust(1, -5n, charged))
        .events(),
    ]
    expect(sums(events)).toMatchObject({ balance: 1n, available: 1n })
    given(account, events)
      .when(adjust(1, -2n, charged))
      .thenRefused('insufficient_credit', {
        neededNanos: '2',
        availableNanos: '1',
        heldNanos: '0',
        helpsToWait: false,
      })
    given(account, events)
      .when(adjust(1, 20n, charged))
      .thenRefused('adjustment_too_large', { largestNanos: '19' })
  })

  it('needs a charge', () => {
    given(account, charged)
      .when(adjust(2, 1n, charged))
      .thenRefused('charge_not_found')
    given(account, charged)
      .when(adjust(1, 0n, charged))
      .thenNothing()
  })
})
