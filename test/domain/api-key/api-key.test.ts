// Guarantee: a key's terms never change, an old secret works exactly until the end of its overlap, and a revoked or expired key never comes back.
import { describe, expect, it } from 'vitest'
import { apiKey, assertActive, digestsAt, statusOf } from '../../../src/domain/api-key/api-key.ts'
import type { ApiKeyEvent, KeyTerms } from '../../../src/domain/api-key/events.ts'
import { given, stateOf } from '../../support/decider.ts'

const keyId = 'key_01j8z3v5k7m9n2p4q6r8s0t1w3'
const orgId = 'org_01j8z3v5k7m9n2p4q6r8s0t1w3'
const issuedBy = 'usr_01j8z3v5k7m9n2p4q6r8s0t1w3'
const digest = (n: number) => String(n).repeat(64)
const time = (hour: number) => `2026-03-01T${String(hour).padStart(2, '0')}:00:00.000Z`

const terms: KeyTerms = { name: 'Website', scopes: ['invoke'] }
const issue = (change: Partial<KeyTerms> = {}) =>
  ({
    type: 'IssueApiKey',
    keyId,
    orgId,
    issuedBy,
    terms: { ...terms, ...change },
    secretDigest: digest(1),
    at: time(1),
  }) as const
const issued = (change: Partial<KeyTerms> = {}): ApiKeyEvent => ({
  type: 'ApiKeyIssued',
  data: { keyId, orgId, issuedBy, ...terms, ...change, secretDigest: digest(1), at: time(1) },
})
const rotate = (n: number, hour: number, until: number) =>
  ({
    type: 'RotateApiKey',
    secretDigest: digest(n),
    overlapUntil: time(until),
    at: time(hour),
  }) as const
const rotated = (n: number, hour: number, until: number): ApiKeyEvent => ({
  type: 'ApiKeyRotated',
  data: { keyId, secretDigest: digest(n), overlapUntil: time(until), at: time(hour) },
})
const revoke = { type: 'RevokeApiKey', by: issuedBy, at: time(5) } as const
const revoked: ApiKeyEvent = {
  type: 'ApiKeyRevoked',
  data: { keyId, by: issuedBy, at: time(5) },
}
const keyAfter = (...events: ApiKeyEvent[]) => {
  const key = stateOf(apiKey, events)
  if (!key) throw new Error('it was issued')
  return key
}

describe('issuing', () => {
  it('is once for each wish', () => {
    given(apiKey, []).when(issue()).then([issued()])
    given(apiKey, [issued()])
      .when({ ...issue(), secretDigest: digest(2) })
      .thenNothing()
  })
  it('is for a time to come', () => {
    given(apiKey, [])
      .when(issue({ expiresAt: time(1) }))
      .thenRefused('expiry_in_past')
    given(apiKey, [])
      .when(issue({ expiresAt: time(2) }))
      .then([issued({ expiresAt: time(2) })])
  })
})

describe('rotating', () => {
  it('takes the secret before until the end of the overlap, and none that is older', () => {
    const key = keyAfter(issued(), rotated(2, 2, 4), rotated(3, 3, 6))
    expect(digestsAt(keyAfter(issued()), time(1))).toEqual([digest(1)])
    expect(digestsAt(key, time(3))).toEqual([digest(3), digest(2)])
    expect(digestsAt(key, '2026-03-01T05:59:59.999Z')).toEqual([digest(3), digest(2)])
    expect(digestsAt(key, time(6))).toEqual([digest(3)])
  })
  it('keeps the terms', () => {
    given(apiKey, [issued()])
      .when(rotate(2, 2, 4))
      .then([rotated(2, 2, 4)])
    expect(keyAfter(issued(), rotated(2, 2, 4)).terms).toEqual(terms)
  })
  it('is not for a key that is over, or never was', () => {
    given(apiKey, [])
      .when(rotate(2, 2, 4))
      .thenRefused('api_key_not_found')
    given(apiKey, [issued(), revoked])
      .when(rotate(2, 6, 8))
      .thenRefused('api_key_ended')
    given(apiKey, [issued({ expiresAt: time(3) })])
      .when(rotate(2, 3, 5))
      .thenRefused('api_key_ended')
  })
})

describe('revoking', () => {
  it('is once and for ever', () => {
    given(apiKey, [issued()]).when(revoke).then([revoked])
    given(apiKey, [issued(), revoked]).when(revoke).thenNothing()
    given(apiKey, []).when(revoke).thenRefused('api_key_not_found')
  })
  it('comes before expiry in what is said', () => {
    const key = keyAfter(issued({ expiresAt: time(4) }), revoked)
    expect(statusOf(key, time(6))).toBe('revoked')
    expect(() => assertActive(key, time(6))).toThrow('api_key_revoked')
  })
})

it('expires at its time', () => {
  const key = keyAfter(issued({ expiresAt: time(4) }))
  expect(statusOf(key, '2026-03-01T03:59:59.999Z')).toBe('active')
  expect(statusOf(key, time(4))).toBe('expired')
  expect(() => assertActive(key, time(4))).toThrow('api_key_expired')
})
