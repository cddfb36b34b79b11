// A notification is taken as Paddle's only when one of our secrets signed these very bytes just now.
import { describe, expect, test } from 'vitest'
import { sign, verify } from '../../../src/adapters/paddle/signature.ts'

const SECRET = 'pdl_ntfset_01hv000000000000000000test_AbCdEfGhIjKlMnOpQrStUvWx'
const OLD_SECRET = 'pdl_ntfset_01hv000000000000000000test_OLDsecretOLDsecretOLDsecret'
const bodyA = Buffer.from(
  '{"event_id":"evt_01hv8x2acma2gz7he8kg2s0hna","event_type":"subscription.updated","occurred_at":"2024-04-12T10:18:49.621022Z","notification_id":"ntf_01hv8x2af2vgcvkz1vdvzhvj4y","data":{"id":"sub_01hv8x29kz0t586xy6zn1a62ny","status":"active"}}',
)
const bodyB = Buffer.from(
  '{"event_id":"evt_01hv8x2b0000000000000000aa","event_type":"customer.updated","occurred_at":"2024-04-12T10:18:50Z","notification_id":"ntf_01hv8x2b0000000000000000aa","data":{"id":"ctm_01hv6y1jedq4p1n0yqn5ba3ky4","name":"Zoë Ünïcode 🚀","email":"zoe@example.com"}}',
)
const A = 'c10c8ce3342db20795c69eb9462a0a79a960bb3d6c64734839bdc05bae01dc9e'
const B = 'cc16a091d28a1181d54e178eb01e2e0bcc616ec65385a40c43304e539715c17f'
const EMPTY = 'a30ffd9bb619883e621a505e80e26d0c6fbba009006d0ff9290acdaf833b2a1a'
const A_OLD = 'b482585a84bd9842748137d542fc38bc67ba6d178d37f735a3e2624afe49754f'
const A_DOT = 'c3063514c86e83b21b478ca7826a08e74f2d64504978e4d84fd7176dc3bc55f2'
const A_INDENTED = '53eabd45c2b89e232b04de95f665498aa700f8aeaf27ed00e704f02c2b888d5a'
const TS = 1_712_917_129

const at = (seconds: number): Date => new Date(seconds * 1_000)
const check = (
  header: string | undefined,
  body: Uint8Array = bodyA,
  { secrets = [SECRET], now = TS, tolerance = 5 } = {},
): boolean => verify(header, body, secrets, at(now), tolerance)

describe('a signature of Paddle', () => {
  test('is one over time, colon and the bytes as they came', () => {
    expect([bodyA.length, bodyB.length]).toEqual([241, 267])
    expect(check(`ts=${TS};h1=${A}`)).toBe(true)
    expect(check(`ts=${TS + 1};h1=${B}`, bodyB)).toBe(true)
    expect(check(`ts=${TS};h1=${EMPTY}`, new Uint8Array())).toBe(true)
    expect(sign(bodyA, [SECRET], at(TS))).toBe(`ts=${TS};h1=${A}`)
    expect(sign(bodyB.toString(), [SECRET], at(TS + 1))).toBe(`ts=${TS + 1};h1=${B}`)
    expect(sign(bodyA, [OLD_SECRET, SECRET], at(TS))).toBe(`ts=${TS};h1=${A_OLD};h1=${A}`)
  })

  test('does not hold for other bytes, another joint or another time', () => {
    const changed = Buffer.from(bodyA)
    changed[20] = (changed[20] ?? 0) ^ 1
    expect(check(`ts=${TS};h1=${A}`, changed)).toBe(false)
    expect(check(`ts=${TS};h1=${A}`, bodyA.subarray(1))).toBe(false)
    expect(check(`ts=${TS};h1=${A_DOT}`)).toBe(false)
    expect(check(`ts=${TS};h1=${A_INDENTED}`)).toBe(false)
    const latin1 = Buffer.from(bodyB.toString(), 'latin1')
    expect(check(`ts=${TS + 1};h1=${B}`, latin1)).toBe(false)
    expect(check(`ts=${TS + 1};h1=${A}`)).toBe(false)
  })

  test('passes with any of our secrets and any of its digests, while a secret is replaced', () => {
    const both = { secrets: [SECRET, OLD_SECRET] }
    expect(check(`ts=${TS};h1=${A_OLD};h1=${A}`)).toBe(true)
    expect(check(`ts=${TS};h1=${A};h1=${A_OLD}`)).toBe(true)
    expect(check(`ts=${TS};h1=${A_OLD}`)).toBe(false)
    expect(check(`ts=${TS};h1=${A_OLD}`, bodyA, both)).toBe(true)
    expect(check(`ts=${TS};h1=${A}`, bodyA, both)).toBe(true)
    expect(check(`ts=${TS};h1=${B};h1=${A_DOT}`, bodyA, both)).toBe(false)
    expect(check(`ts=${TS};h1=${A}`, bodyA, { secrets: [] })).toBe(false)
  })

  test.each([
    [5, 5, true],
    [5, 6, false],
    [5, -5, true],
    [5, -6, false],
    [300, 299, true],
    [300, 301, false],
    [300, -29, true],
    [300, -31, false],
    [300, -86_400, false],
    [600, -315_576_000, false],
  ])('with %i s of tolerance, %i s after it was signed: %s', (tolerance, later, passes) => {
    expect(check(`ts=${TS};h1=${A}`, bodyA, { now: TS + later, tolerance })).toBe(passes)
  })

  test('may have parts that are not known yet', () => {
    expect(check(`ts=${TS};h1=${A};h2=abc`)).toBe(true)
    expect(check(`v=2;ts=${TS};h1=short;h1=${A}`)).toBe(true)
    expect(check(` ts=${TS} ; h1=${A} `)).toBe(true)
  })

  test.each([
    ['none at all', undefined],
    ['empty', ''],
    ['no time', `h1=${A}`],
    ['no digest', `ts=${TS}`],
    ['a time that is no number', `ts=soon;h1=${A}`],
    ['a negative time', `ts=-1;h1=${A}`],
    ['an endless time', `ts=${'9'.repeat(400)};h1=${A}`],
    ['two times', `ts=${TS};ts=${TS};h1=${A}`],
    ['a short digest', `ts=${TS};h1=${A.slice(0, 62)}`],
    ['a long digest', `ts=${TS};h1=${A}00`],
    ['no hex', `ts=${TS};h1=${'z'.repeat(64)}`],
    ['upper case', `ts=${TS};h1=${A.toUpperCase()}`],
    ['joined by commas', `ts=${TS},h1=${A}`],
    ['too many parts', `ts=${TS};${'x=1;'.repeat(20)}h1=${A}`],
    ['too long', `ts=${TS};h1=${A};x=${'y'.repeat(1_000)}`],
    ['only separators', ';;;;===='],
  ])('is refused: %s', (_what, header) => {
    expect(check(header)).toBe(false)
  })
})
