// A batch of request records is appended once, whole, and says nothing that a request carried.
import { describe, expect, test } from 'vitest'
import { dataClassOf } from '../../../src/domain/personal.ts'
import {
  MAX_COUNTS,
  MAX_ITEMS,
  type UsageEvent,
  usageEvents,
  type UsageItem,
} from '../../../src/domain/usage/events.ts'
import { type RecordUsage, usageDecider, usageStreamId } from '../../../src/domain/usage/usage.ts'
import { given as tell, stateOf } from '../../support/decider.ts'

const at = '2026-01-01T00:00:00.000Z'
const item: UsageItem = {
  requestId: 'r'.repeat(36),
  at,
  route: '/agents/{agent_id}/invoke',
  method: 'POST',
  status: 200,
  latencyMs: 12,
  userId: 'usr_00000000000000000000000001',
  keyId: 'key_00000000000000000000000001',
  orgId: 'org_00000000000000000000000001',
}
const count = { route: '/auth/login', method: 'POST', status: 401, requests: 90 }
const record = (batch: number, change: Partial<RecordUsage> = {}): RecordUsage => ({
  type: 'RecordUsage',
  runId: 'run',
  batch,
  recordedAt: at,
  items: [item],
  counts: [],
  ...change,
})
const recorded = (batch: number, items = [item], counts: (typeof count)[] = []): UsageEvent => ({
  type: 'UsageRecorded',
  data: { runId: 'run', batch, recordedAt: at, items, counts },
})
const given = (...events: UsageEvent[]) => tell(usageDecider, events)

describe('a batch', () => {
  test('is appended once', () => {
    given()
      .when(record(1))
      .then([recorded(1)])
    given(recorded(1)).when(record(1)).thenNothing()
    given(recorded(1))
      .when(record(2))
      .then([recorded(2)])
    given(recorded(1), recorded(2)).when(record(1)).thenNothing()
    expect(stateOf(usageDecider, [recorded(1), recorded(2)])).toEqual({ batch: 2 })
  })
  test('holds items, counts or both, and is not written empty', () => {
    given()
      .when(record(1, { items: [], counts: [count] }))
      .then([recorded(1, [], [count])])
    given()
      .when(record(1, { items: [] }))
      .thenNothing()
  })
  test('stays below what an event may hold, at its largest', () => {
    const longest = {
      ...item,
      route: 'x'.repeat(200),
      requestId: 'x'.repeat(64),
      method: 'OPTIONS',
    }
    const { data } = recorded(
      1,
      Array.from({ length: MAX_ITEMS }, () => longest),
      Array.from({ length: MAX_COUNTS }, () => ({ ...count, route: 'x'.repeat(200) })),
    )
    expect(usageEvents.UsageRecorded.schema.safeParse(data).success).toBe(true)
    expect(JSON.stringify(data).length).toBeLessThan(250 * 1024)
  })
})

describe('the stored contract', () => {
  const parse = (change: object) =>
    usageEvents.UsageRecorded.schema.safeParse(recorded(1, [{ ...item, ...change }]).data).success
  test('takes a record with or without who asked', () => {
    const { userId: _user, keyId: _key, orgId: _org, ...nobody } = item
    expect(usageEvents.UsageRecorded.schema.safeParse(recorded(1, [nobody]).data).success).toBe(
      true,
    )
    expect(parse({})).toBe(true)
  })
  test.each([
    { status: 99 },
    { latencyMs: -1 },
    { latencyMs: 0.5 },
    { method: 'get' },
    { route: '' },
    { userId: 'ada@example.com' },
    { ip: '192.0.2.1' },
  ])('refuses %j', (change) => {
    expect(parse(change)).toBe(false)
  })
  test('gives every field a data class', () => {
    for (const field of Object.values(usageEvents.UsageRecorded.schema.shape))
      expect(dataClassOf(field)?.class).toBe('clear')
  })
  test('numbers the streams of a run', () => {
    expect(usageStreamId('run', 2)).toBe('run-2')
  })
})
