// Each promise about people, sessions, owners and secrets can be seen broken: A1, A2, A8, E1.
import { describe, expect, test } from 'vitest'
import { checked, found, idOf, log, ORG, second, USER, type Written } from '../log.ts'

const HMAC = 'a'.repeat(64)
/** Sealed at the place where `log` will put the event. */
const sealed = (index: number, field: string) => ({
  key: `user/${USER}`,
  context: `${log(Array.from({ length: index + 1 }, () => EMPTY))[index]?.id}/${field}/v1`,
  sealed: 'AAAA',
})
const EMPTY: Written = { stream: 'x-y', type: 'X', data: {} }
const report = (...written: readonly Written[]) => found(checked(written))

const claimed = (index: number, claim: number, user: number): Written => ({
  stream: `emailClaim-${HMAC}`,
  type: 'EmailClaimed',
  data: {
    claimId: idOf('claim', claim),
    userId: idOf('user', user),
    email: sealed(index, 'email'),
    emailHmac: HMAC,
    at: second(0),
    purpose: 'registration',
  },
})
const registered = (index: number, claim: number, user: number): Written => ({
  stream: `user-${idOf('user', user)}`,
  type: 'UserRegistered',
  data: {
    userId: idOf('user', user),
    claimId: idOf('claim', claim),
    email: sealed(index, 'email'),
    emailHmac: HMAC,
    provisional: false,
    locale: 'en',
    personalOrgId: ORG,
    at: second(0),
  },
})
const freed = (claim: number): Written => ({
  stream: `emailClaim-${HMAC}`,
  type: 'EmailReleased',
  data: { claimId: idOf('claim', claim), userId: USER, reason: 'changed', at: second(0) },
})
const changed = (index: number, claim: number, user: number, before: number): Written => ({
  stream: `user-${idOf('user', user)}`,
  type: 'EmailChanged',
  data: {
    userId: idOf('user', user),
    claimId: idOf('claim', claim),
    email: sealed(index, 'email'),
    emailHmac: HMAC,
    previousClaimId: idOf('claim', before),
    previousEmail: sealed(index, 'previousEmail'),
    previousEmailHmac: 'b'.repeat(64),
    at: second(0),
  },
})
const refused = (claim: number, user: number): Written => ({
  stream: `user-${idOf('user', user)}`,
  type: 'EmailChangeRefused',
  data: {
    userId: idOf('user', user),
    emailHmac: HMAC,
    claimId: idOf('claim', claim),
    reason: 'deactivated',
    at: second(0),
  },
})

describe('A1', () => {
  test('one person with a claimed address is sound', () => {
    expect(report(claimed(0, 1, 1), registered(1, 1, 1))).toEqual([])
  })
  test('a change that was refused, and the same address claimed anew, is sound', () => {
    const again = [claimed(3, 3, 1), changed(4, 3, 1, 9)]
    expect(report(claimed(0, 2, 1), refused(2, 1), freed(2), ...again)).toEqual([])
  })
  test.each<[string, readonly Written[], string[]]>([
    ['a claim of a held address', [claimed(0, 1, 1), claimed(1, 2, 2)], ['A1 2']],
    ['an address that nobody claimed', [registered(0, 1, 1)], ['A1 1']],
    [
      'two people with one address',
      [claimed(0, 1, 1), registered(1, 1, 1), freed(1), claimed(3, 2, 2), registered(4, 2, 2)],
      ['A1 3', 'A1 5'],
    ],
    ['a change that was refused', [claimed(0, 2, 1), refused(2, 1), changed(2, 2, 1, 9)], ['A1 3']],
    [
      'a refusal of what is theirs',
      [claimed(0, 1, 1), registered(1, 1, 1), refused(1, 1)],
      ['A1 3'],
    ],
    ['a release of a claim that holds nothing', [claimed(0, 1, 1), freed(2)], ['A1 2']],
  ])('%s', (_name, written, violations) => {
    expect(report(...written)).toEqual(violations)
  })
})

describe('A2', () => {
  const sessionId = idOf('session', 1)
  const session = (type: string, data: object = {}): Written => ({
    stream: `session-${sessionId}`,
    type,
    data: { sessionId, userId: USER, at: second(0), ...data },
  })
  const started = session('SessionStarted', {
    method: 'password',
    idleUntil: second(9),
    endsAt: second(9),
  })
  const refreshed = (generation: number) =>
    session('SessionRefreshed', { generation, idleUntil: second(9) })
  const revoked = session('SessionRevoked', { reason: 'logout' })

  test('generations one after the other are sound', () => {
    expect(report(started, refreshed(2), refreshed(3), revoked)).toEqual([])
  })
  test.each<[string, readonly Written[], string[]]>([
    ['two successors', [started, refreshed(2), refreshed(2)], ['A2 3']],
    ['a generation left out', [started, refreshed(3)], ['A2 2']],
    ['a successor after the end', [started, revoked, refreshed(2)], ['A2 3']],
    ['a session started twice', [started, started], ['A2 2']],
  ])('%s', (_name, written, violations) => {
    expect(report(...written)).toEqual(violations)
  })
})

describe('A8', () => {
  const member = (type: string, data: object): Written => ({
    stream: `organization-${ORG}`,
    type,
    data: { orgId: ORG, at: second(0), ...data },
  })
  const created = member('OrganizationCreated', {
    kind: 'team',
    ownerId: USER,
    name: sealed(0, 'name'),
  })
  const added = (user: number, role: string) =>
    member('MemberAdded', { userId: idOf('user', user), role })

  test('an owner who leaves another behind is sound', () => {
    const left = member('MemberRemoved', { userId: USER, by: USER })
    expect(report(created, added(2, 'owner'), left)).toEqual([])
  })
  test.each<[string, readonly Written[], string[]]>([
    [
      'the last owner leaves',
      [created, member('MemberRemoved', { userId: USER, by: USER })],
      ['A8 2'],
    ],
    [
      'the last owner becomes an admin',
      [created, member('MemberRoleChanged', { userId: USER, role: 'admin', by: USER })],
      ['A8 2'],
    ],
    ['a member of nothing', [added(1, 'owner')], ['A8 1']],
  ])('%s', (_name, written, violations) => {
    expect(report(...written)).toEqual(violations)
  })
})

describe('E1', () => {
  const [open] = [claimed(0, 1, 1)]
  const withData = (data: object): Written => ({ ...open, data: { ...open.data, ...data } })

  test.each<[string, Written]>([
    ['an address in clear', withData({ email: 'ada@example.com' })],
    ['a value sealed for another event', withData({ email: sealed(5, 'email') })],
    ['a value sealed for another field', withData({ email: sealed(0, 'passwordHash') })],
    ['a field beside the schema', withData({ note: 'x' })],
    ['an event that nobody knows', { ...open, type: 'Unheard' }],
  ])('%s', (_name, event) => {
    expect(report(event)).toEqual(['E1 1'])
  })
  test('a text that must not appear, also with quotes in it', () => {
    const told = checked([withData({ locale: 'say "hi"' })], { mustNotAppear: ['y "hi'] })
    expect(found(told)).toEqual(['E1 1'])
    expect(JSON.stringify(told.violations.map((one) => one.sentence))).not.toContain('hi')
    expect(found(checked([open], { mustNotAppear: ['y "hi'] }))).toEqual([])
  })
})
