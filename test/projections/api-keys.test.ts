// Guarantee: when a key was used last never goes back, whatever is applied again, and nothing is kept of keys that were never issued.
import { expect, test } from 'vitest'
import { type ApiKeyRecord, apiKeys } from '../../src/projections/api-keys.ts'

const keyId = 'key_01j8z3v5k7m9n2p4q6r8s0t1w3'
const orgId = 'org_01j8z3v5k7m9n2p4q6r8s0t1w3'
const at = (minute: number) => `2026-03-01T12:${String(minute).padStart(2, '0')}:00.000Z`

interface Told {
  readonly type: 'ApiKeyIssued' | 'ApiKeyRevoked' | 'UsageRecorded'
  readonly data: Readonly<Record<string, unknown>>
}
const issued: Told = { type: 'ApiKeyIssued', data: { keyId, orgId, at: at(0) } }
const NEVER = '9999-12-31T23:59:59.999Z'
const listed = { keyId, orgId, liveOf: orgId, endsAt: NEVER, issuedAt: at(0) }
const used = (...minutes: number[]): Told => ({
  type: 'UsageRecorded',
  data: { items: minutes.map((minute) => ({ keyId, at: at(minute) })) },
})

function fold(events: readonly Told[]): ReadonlyMap<string, ApiKeyRecord> {
  const views = new Map<string, ApiKeyRecord>()
  for (const event of events) {
    const handler = apiKeys.on[event.type] as {
      keys: (event: Told) => string | string[]
      project: (
        view: ApiKeyRecord | undefined,
        event: Told,
        key: string,
      ) => ApiKeyRecord | undefined
    }
    for (const key of [handler.keys(event)].flat()) {
      const after = handler.project(views.get(key), event, key)
      if (after) views.set(key, after)
      else views.delete(key)
    }
  }
  return views
}

test('the last use is the latest, in whatever order they come', () => {
  const all = [issued, used(3, 1), used(2)]
  const expected = new Map([[keyId, { ...listed, lastUsedAt: at(3) }]])
  expect(fold(all)).toEqual(expected)
  for (let from = 0; from < all.length; from++)
    expect(fold([...all, ...all.slice(from)])).toEqual(expected)
})

test('a key that is not used has none; one that was never issued is nobody’s', () => {
  const other = { type: 'UsageRecorded', data: { items: [{ at: at(1) }] } } as const
  expect(fold([issued, other])).toEqual(new Map([[keyId, listed]]))
  expect(fold([used(1)])).toEqual(new Map())
})

test('a revoked key is listed, and not among those in use', () => {
  const revoked = { type: 'ApiKeyRevoked', data: { keyId, at: at(2) } } as const
  const { liveOf: _ended, ...ended } = listed
  const expected = new Map([[keyId, { ...ended, lastUsedAt: at(1) }]])
  for (const again of [[], [issued, revoked], [revoked]])
    expect(fold([issued, used(1), revoked, ...again])).toEqual(expected)
  expect(fold([revoked])).toEqual(new Map())
})
