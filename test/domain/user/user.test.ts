// A person's stream: a wish that is already true changes nothing, a stale password or link never wins.
import { describe, expect, test } from 'vitest'
import type { UserEvent } from '../../../src/domain/user/events.ts'
import {
  passwordHashOf,
  user,
  type RegisterUser,
  type UserCommand,
} from '../../../src/domain/user/user.ts'
import { ERASED } from '../../../src/domain/personal.ts'
import { given as tell, stateOf } from '../../support/decider.ts'

const userId = 'usr_00000000000000000000000001'
const claimId = 'clm_00000000000000000000000001'
const newClaimId = 'clm_00000000000000000000000002'
const personalOrgId = 'org_00000000000000000000000001'
const at = '2026-01-01T00:00:00.000Z'
const later = '2026-01-02T00:00:00.000Z'
const hmacA = 'a'.repeat(64)
const hmacB = 'b'.repeat(64)

const register: RegisterUser = {
  type: 'RegisterUser',
  userId,
  claimId,
  email: 'ada@example.com',
  emailHmac: hmacA,
  provisional: false,
  passwordHash: 'hash-1',
  locale: 'en',
  personalOrgId,
  at,
}
const { type: _, ...registeredData } = register
const registered: UserEvent = { type: 'UserRegistered', data: registeredData }
const deactivated: UserEvent = { type: 'UserDeactivated', data: { userId, at } }
const changed: UserEvent = {
  type: 'EmailChanged',
  data: {
    userId,
    email: 'ada@new.example',
    emailHmac: hmacB,
    claimId: newClaimId,
    previousEmail: 'ada@example.com',
    previousEmailHmac: hmacA,
    previousClaimId: claimId,
    at: later,
  },
}
const given = (...events: UserEvent[]) => tell(user, events)
const changeEmail = {
  type: 'ChangeEmail',
  email: 'ada@new.example',
  emailHmac: hmacB,
  claimId: newClaimId,
  at: later,
} as const
const password = (cause: 'user' | 'rehash', replaces: string, passwordHash = 'hash-2') =>
  ({ type: 'ChangePassword', cause, replaces, passwordHash, at: later }) as const
const reset = (passwordVersion: number, passwordHash = 'hash-3') =>
  ({ type: 'ChangePassword', cause: 'reset', passwordVersion, passwordHash, at: later }) as const
const passwordChanged = (cause: 'user' | 'reset' | 'operator' | 'rehash', passwordHash: string) =>
  ({ type: 'PasswordChanged', data: { userId, passwordHash, cause, at: later } }) as const

describe('registering', () => {
  test('writes the person once', () => {
    given().when(register).then([registered])
    given(registered)
      .when({ ...register, email: 'other@example.com' })
      .thenNothing()
  })
  test('an operator registers with a verified address and roles in the same append', () => {
    given()
      .when({ ...register, roles: ['administrator', 'administrator'], verified: true })
      .then([
        registered,
        { type: 'EmailVerified', data: { userId, emailHmac: hmacA, at } },
        { type: 'PlatformRoleGranted', data: { userId, role: 'administrator', at } },
      ])
  })
  test('without a password the event has no such field', () => {
    const { passwordHash: _hash, ...without } = register
    const [event] = given().when(without).events()
    expect(event?.data).not.toHaveProperty('passwordHash')
  })
  test('every other command to nobody is refused', () => {
    for (const command of everyCommand) given().when(command).thenRefused('user_not_found')
  })
})

describe('the address', () => {
  test('is verified once, and only the present one', () => {
    const verify = { type: 'VerifyEmail', emailHmac: hmacA, at: later } as const
    const verified: UserEvent = {
      type: 'EmailVerified',
      data: { userId, emailHmac: hmacA, at: later },
    }
    given(registered).when(verify).then([verified])
    given(registered, verified).when(verify).thenNothing()
    given(registered, changed).when(verify).thenRefused('token_unusable')
  })
  test('changes with all that the release of the old claim needs', () => {
    given(registered).when(changeEmail).then([changed])
    given(registered)
      .when({ ...changeEmail, emailHmac: hmacA })
      .thenRefused('email_unchanged')
  })
  test('a new address is not verified', () => {
    const verified: UserEvent = { type: 'EmailVerified', data: { userId, emailHmac: hmacA, at } }
    expect(stateOf(user, [registered, verified])?.emailVerified).toBe(true)
    expect(stateOf(user, [registered, verified, changed])?.emailVerified).toBe(false)
  })
  test('a change that a crash held up does not overtake a newer one', () => {
    given(registered, changed)
      .when({
        ...changeEmail,
        emailHmac: 'c'.repeat(64),
        claimId: 'clm_00000000000000000000000003',
        at: '2026-01-01T12:00:00.000Z',
      })
      .thenRefused('email_unchanged')
  })
})

describe('a claim that has ended', () => {
  const refuse = {
    type: 'RefuseEmailChange',
    claimId: newClaimId,
    emailHmac: hmacB,
    reason: 'deactivated',
    at: later,
  } as const
  const { type: _refuse, ...refusal } = refuse
  const refused: UserEvent = { type: 'EmailChangeRefused', data: { userId, ...refusal } }
  const reactivated: UserEvent = { type: 'UserReactivated', data: { userId, at: later } }

  test('is refused once, and not when it has brought the address', () => {
    given(registered, deactivated).when(refuse).then([refused])
    given(registered, deactivated, refused).when(refuse).thenNothing()
    given(registered, changed).when(refuse).thenNothing()
  })
  test('brings no address, whoever is active again', () => {
    given(registered, deactivated, refused, reactivated)
      .when(changeEmail)
      .thenRefused('user_deactivated')
    const again = { ...changeEmail, claimId: 'clm_00000000000000000000000003' } as const
    expect(given(registered, deactivated, refused, reactivated).when(again).events()).toMatchObject(
      [{ type: 'EmailChanged', data: { claimId: again.claimId } }],
    )
  })
  test('does not come back, though both were asked for in one moment', () => {
    const next: UserEvent = {
      type: 'EmailChanged',
      data: {
        ...changed.data,
        emailHmac: 'c'.repeat(64),
        claimId: 'clm_00000000000000000000000003',
        previousEmailHmac: hmacB,
        previousClaimId: newClaimId,
      },
    }
    given(registered, changed, next).when(changeEmail).thenRefused('email_unchanged')
    given(registered, changed, next).when(refuse).thenNothing()
  })
  test('what has brought the address stays done for who was deactivated since', () => {
    given(registered, changed, deactivated).when(changeEmail).thenNothing()
  })
})

describe('the password', () => {
  test('replaces the one that was verified', () => {
    given(registered)
      .when(password('user', 'hash-1'))
      .then([passwordChanged('user', 'hash-2')])
    given(registered).when(password('user', 'hash-0')).thenRefused('invalid_credentials')
  })
  test('a renewed hash never overwrites a newer password', () => {
    given(registered)
      .when(password('rehash', 'hash-1'))
      .then([passwordChanged('rehash', 'hash-2')])
    given(registered, passwordChanged('user', 'hash-9'))
      .when(password('rehash', 'hash-1'))
      .thenNothing()
  })
  test('a reset link works once, and not after any other change', () => {
    // Whoever got the mail reads mail there.
    const verified: UserEvent = {
      type: 'EmailVerified',
      data: { userId, emailHmac: hmacA, at: reset(1).at },
    }
    given(registered)
      .when(reset(1))
      .then([passwordChanged('reset', 'hash-3'), verified])
    given(registered, verified)
      .when(reset(1))
      .then([passwordChanged('reset', 'hash-3')])
    given(registered, passwordChanged('reset', 'hash-3'))
      .when(reset(1, 'hash-4'))
      .thenRefused('token_unusable')
    given(registered, passwordChanged('user', 'hash-2'))
      .when(reset(1))
      .thenRefused('token_unusable')
    given(registered, verified, passwordChanged('rehash', 'hash-2'))
      .when(reset(1))
      .then([passwordChanged('reset', 'hash-3')])
  })
  test('an erased hash verifies nothing', () => {
    const erased = stateOf(user, [
      { type: 'UserRegistered', data: { ...registeredData, passwordHash: ERASED } },
    ])
    expect(passwordHashOf(erased)).toBeUndefined()
    expect(passwordHashOf(stateOf(user, [registered]))).toBe('hash-1')
    expect(passwordHashOf(undefined)).toBeUndefined()
  })
})

describe('an inactive person', () => {
  test('changes nothing themselves', () => {
    const own: UserCommand[] = [
      { type: 'VerifyEmail', emailHmac: hmacA, at },
      changeEmail,
      password('user', 'hash-1'),
      reset(1),
      { type: 'ChangeLocale', locale: 'ru', at },
      { type: 'AcceptTerms', version: '2', at },
    ]
    for (const command of own)
      given(registered, deactivated).when(command).thenRefused('user_deactivated')
  })
  test('is deactivated and reactivated once', () => {
    const reactivated: UserEvent = { type: 'UserReactivated', data: { userId, at: later } }
    given(registered)
      .when({ type: 'DeactivateUser', reason: 'asked for it', at })
      .then([{ type: 'UserDeactivated', data: { userId, reason: 'asked for it', at } }])
    given(registered, deactivated).when({ type: 'DeactivateUser', at: later }).thenNothing()
    given(registered, deactivated).when({ type: 'ReactivateUser', at: later }).then([reactivated])
    given(registered).when({ type: 'ReactivateUser', at }).thenNothing()
    expect(stateOf(user, [registered, deactivated, reactivated])?.active).toBe(true)
  })
  test('gets a password from the operator all the same', () => {
    given(registered, deactivated)
      .when({ type: 'ChangePassword', cause: 'operator', passwordHash: 'hash-2', at: later })
      .then([passwordChanged('operator', 'hash-2')])
  })
})

describe('locale, terms, roles', () => {
  test('change when they differ', () => {
    given(registered)
      .when({ type: 'ChangeLocale', locale: 'ru', at })
      .then([{ type: 'LocaleChanged', data: { userId, locale: 'ru', at } }])
    given(registered).when({ type: 'ChangeLocale', locale: 'en', at }).thenNothing()
    given(registered)
      .when({ type: 'AcceptTerms', version: '2', at })
      .then([{ type: 'TermsAccepted', data: { userId, version: '2', at } }])
  })
  test('a role is granted and revoked once', () => {
    const data = { userId, role: 'administrator', at } as const
    const granted: UserEvent = { type: 'PlatformRoleGranted', data }
    const revoked: UserEvent = { type: 'PlatformRoleRevoked', data }
    given(registered).when({ type: 'GrantPlatformRole', role: 'administrator', at }).then([granted])
    given(registered, granted)
      .when({ type: 'RevokePlatformRole', role: 'administrator', at })
      .then([revoked])
    given(registered, granted, revoked)
      .when({ type: 'RevokePlatformRole', role: 'administrator', at })
      .thenNothing()
  })
})

const everyCommand: UserCommand[] = [
  { type: 'VerifyEmail', emailHmac: hmacA, at },
  changeEmail,
  password('user', 'hash-1'),
  { type: 'ChangeLocale', locale: 'ru', at },
  { type: 'AcceptTerms', version: '2', at },
  { type: 'GrantPlatformRole', role: 'administrator', at },
  { type: 'RevokePlatformRole', role: 'administrator', at },
  { type: 'DeactivateUser', at },
  { type: 'ReactivateUser', at },
]
