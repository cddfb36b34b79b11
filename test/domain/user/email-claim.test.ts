// One address belongs to one person: the claim is the decision, and it carries what finishes it.
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ERASED } from '../../../src/domain/personal.ts'
import {
  claimOutcome,
  emailClaim,
  secondStep,
  type EmailClaimCommand,
} from '../../../src/domain/user/email-claim.ts'
import type { EmailClaimEvent } from '../../../src/domain/user/events.ts'
import { user } from '../../../src/domain/user/user.ts'
import { given as tell, stateOf } from '../../support/decider.ts'

const at = '2026-01-01T00:00:00.000Z'
const minutesLater = (minutes: number) => new Date(Date.parse(at) + minutes * 60_000).toISOString()
const id = (prefix: string, n: number) => `${prefix}_${String(n).padStart(26, '0')}`
const claim = (n: number, when = at) =>
  ({
    type: 'ClaimEmail',
    purpose: 'registration',
    claimId: id('clm', n),
    userId: id('usr', n),
    email: 'ada@example.com',
    emailHmac: 'a'.repeat(64),
    passwordHash: 'hash',
    locale: 'en',
    personalOrgId: id('org', n),
    at: when,
  }) as const
const claimed = (n: number): EmailClaimEvent => {
  const { type: _, ...data } = claim(n)
  return { type: 'EmailClaimed', data }
}
const attempted = (n: number, owner: number, when: string): EmailClaimEvent => ({
  type: 'RegistrationAttempted',
  data: { claimId: id('clm', n), userId: id('usr', owner), at: when },
})
const released = (n: number): EmailClaimEvent => ({
  type: 'EmailReleased',
  data: { claimId: id('clm', n), userId: id('usr', n), reason: 'changed', at },
})
const given = (...events: EmailClaimEvent[]) => tell(emailClaim, events)

describe('claiming', () => {
  test('the first claim holds the address', () => {
    given()
      .when(claim(1))
      .then([claimed(1)])
  })
  test('a taken address tells its owner, at most once an hour', () => {
    const first = attempted(2, 1, minutesLater(1))
    given(claimed(1))
      .when(claim(2, minutesLater(1)))
      .then([first])
    given(claimed(1), first)
      .when(claim(3, minutesLater(60)))
      .thenNothing()
    given(claimed(1), first)
      .when(claim(3, minutesLater(61)))
      .then([attempted(3, 1, minutesLater(61))])
  })
  test('a change of address to a taken one writes nothing', () => {
    given(claimed(1))
      .when({ ...claim(2), purpose: 'change' })
      .thenNothing()
  })
  test('a released address may be claimed anew, but never by the released claim', () => {
    given(claimed(1), released(1))
      .when(claim(2))
      .then([claimed(2)])
    given(claimed(1), released(1)).when(claim(1)).thenNothing()
    const state = stateOf(emailClaim, [claimed(1), released(1)])
    expect(claimOutcome(state, id('clm', 1))).toBe('released')
  })
  test('only the holder releases', () => {
    const release = { type: 'ReleaseEmail', claimId: id('clm', 2), reason: 'changed', at } as const
    given(claimed(1)).when(release).thenNothing()
    given(claimed(2))
      .when(release)
      .then([released(2)])
  })
  test('in any order of claims and releases at most one claim holds, and the outcome says which', () => {
    const commands = fc.array(
      fc.record({ n: fc.integer({ min: 1, max: 4 }), release: fc.boolean() }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(commands, (steps) => {
        let state = emailClaim.initial()
        for (const { n, release } of steps) {
          const before = state.held?.claimId
          const command: EmailClaimCommand = release
            ? { type: 'ReleaseEmail', claimId: id('clm', n), reason: 'changed', at }
            : claim(n)
          for (const event of emailClaim.decide(command, state))
            state = emailClaim.evolve(state, event)
          if (!release && before !== undefined) expect(state.held?.claimId).toBe(before)
          const held = [1, 2, 3, 4].filter((k) => claimOutcome(state, id('clm', k)) === 'held')
          expect(held).toEqual(state.held ? [Number(state.held.claimId.slice(4))] : [])
        }
      }),
    )
  })
})

describe('the second step', () => {
  const data = (event: EmailClaimEvent) =>
    event.type === 'EmailClaimed' ? event.data : expect.unreachable()

  test('registers the person that the claim describes', () => {
    const step = secondStep(data(claimed(1)))
    expect(step).toMatchObject({
      type: 'RegisterUser',
      userId: id('usr', 1),
      email: 'ada@example.com',
      passwordHash: 'hash',
      personalOrgId: id('org', 1),
      roles: [],
      verified: false,
    })
    if (step) expect(tell(user, []).when(step).events()).toHaveLength(1)
  })
  test('an operator’s claim registers with role and verified address', () => {
    const step = secondStep({
      ...data(claimed(1)),
      platformRoles: ['administrator'],
      verified: true,
    })
    expect(step).toMatchObject({ roles: ['administrator'], verified: true })
  })
  test('changes the address of somebody who is registered', () => {
    expect(secondStep({ ...data(claimed(1)), purpose: 'change' })).toEqual({
      type: 'ChangeEmail',
      email: 'ada@example.com',
      emailHmac: 'a'.repeat(64),
      claimId: id('clm', 1),
      at,
    })
  })
  test('nothing can follow when the values were erased', () => {
    expect(secondStep({ ...data(claimed(1)), email: ERASED })).toBeUndefined()
    expect(secondStep({ ...data(claimed(1)), passwordHash: ERASED })).toBeUndefined()
  })
})
