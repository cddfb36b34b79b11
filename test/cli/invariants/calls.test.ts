// Each promise about calls and about the log's order can be seen broken: M3, M6, J1, L3.
import { describe, expect, test } from 'vitest'
import {
  accepted,
  call,
  checked,
  completed,
  found,
  held,
  ORG,
  released,
  second,
  settled,
  sound,
  soundCall,
  type Written,
} from '../log.ts'

const report = (...written: readonly Written[]) => found(checked(written))
const failed = (n: number): Written =>
  call(n, 'InvocationFailed', { orgId: ORG, settlement: { kind: 'release', reason: 'failed' } })

describe('M3', () => {
  test.each<[string, readonly Written[], string[]]>([
    ['a second hold', [held(1, '5000000'), held(1, '5000000')], ['M3 5']],
    ['a hold after the end', [...soundCall(1), held(1, '5000000')], ['M3 8']],
    ['a second end', [held(1, '5000000'), accepted(1), failed(1), failed(1)], ['M3 7']],
    ['an end after the end of all', [...soundCall(1), completed(1)], ['M3 8']],
    ['a second charge', [...soundCall(1), settled(1, '3000000')], ['M2 8', 'M3 8']],
    ['a charge before the end', [held(1, '5000000'), accepted(1), settled(1, '3000000')], ['M3 6']],
    ['a call without a hold', [accepted(1)], ['M3 4']],
    [
      'a start after the end',
      [held(1, '5000000'), accepted(1), failed(1), call(1, 'InvocationStarted')],
      ['M3 7'],
    ],
    ['a release of no hold', [failed(1), released(1)], ['M3 5']],
  ])('%s', (_name, written, violations) => {
    expect(report(...sound, ...written)).toEqual(violations)
  })

  test('an expired hold of a call that was never accepted is sound', () => {
    expect(report(...sound, held(1, '5000000'), failed(1), released(1))).toEqual([])
  })
})

describe('M6', () => {
  const busy = (from: number, to: number): Written[] =>
    Array.from({ length: Math.floor((to - from) / 30) + 1 }, (_, i) => ({
      stream: 'usage-run-1',
      type: 'UsageRecorded',
      data: { runId: 'run', batch: i + 1, recordedAt: second(0), items: [], counts: [] },
      at: second(from + i * 30),
    }))
  const late = (at: number): Written[] => [
    { ...failed(1), at: second(at) },
    { ...released(1), at: second(at) },
  ]
  const before = [...sound, held(1, '5000000'), accepted(1)]

  test('a hold that ended in time is sound, one that a running server left is not', () => {
    expect(report(...before, ...busy(0, 630), ...late(640))).toEqual([])
    const written = [...before, ...busy(0, 690), ...late(700)]
    expect(report(...written)).toEqual([`M6 ${written.length}`])
  })
  test('a server that stood still ends its holds when it is back', () => {
    expect(report(...before, ...late(9_000))).toEqual([])
  })
  test('a hold that has not ended', () => {
    const now = new Date(second(800))
    expect(found(checked([...before, ...busy(0, 780)], { now }))).toEqual(['M6 4', 'J1 5'])
    expect(found(checked(before, { now, workersSince: now }))).toEqual([])
    expect(found(checked(before, { quiet: true }))).toEqual(['M6 4', 'J1 5'])
  })
})

describe('J1', () => {
  test('a call whose time is over and that has no end', () => {
    const now = new Date(second(661))
    const written = [...sound, held(1, '5000000'), accepted(1)]
    expect(found(checked(written, { now }))).toEqual(['M6 4', 'J1 5'])
    expect(found(checked(written, { now: new Date(second(659)) }))).toEqual([])
  })
})

describe('L3', () => {
  test('a gap in a stream', () => {
    const [first] = sound
    expect(report({ ...(first as Written), revision: 1 })).toEqual(['L3 1'])
  })
  test('a revision twice', () => {
    expect(report(...sound, { ...held(1, '5000000'), revision: 1 })).toEqual(['L3 4'])
  })
  test('a position that goes back', () => {
    const [one, two] = sound
    const back = { ...(two as Written), position: 1n }
    expect(report(one as Written, back)).toEqual(['L3 1'])
  })
})
