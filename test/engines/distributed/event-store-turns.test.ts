// Of several processes that write one stream without a pause, none keeps the others from it.
import { describe, expect, test } from 'vitest'
import { Turns } from '../../../src/engines/distributed/eventstoredb/turns.ts'

const APPEND_MS = 10

/** A process that writes one stream again and again, each append right after the answer to the last. */
function writing() {
  const time = { now: 0 }
  const turns = new Turns(() => time.now)
  return {
    turns,
    wait: (ms: number) => (time.now += ms),
    append(stream = 'hot') {
      const begunAt = time.now
      time.now += APPEND_MS
      const held = turns.won(stream, begunAt)
      time.now += held
      return held
    },
  }
}

/** How many appends are answered at once until one answer is held back; at most a thousand. */
function untilHeld(process: ReturnType<typeof writing>): number {
  for (let appends = 0; appends < 1_000; appends++) if (process.append() > 0) return appends
  return 1_000
}

describe('turns', () => {
  test('nobody waits where nobody else writes', () => {
    expect(untilHeld(writing())).toBe(1_000)
  })

  test('after a conflict an answer is held back once in every turn', () => {
    const process = writing()
    process.turns.lost('hot')
    const first = untilHeld(process)
    expect(first).toBeGreaterThan(0)
    expect(first).toBeLessThan(20)
    expect(untilHeld(process)).toBe(first)
  })

  test('it is held for longer than an append and a decision of another process take', () => {
    const process = writing()
    process.turns.lost('hot')
    const held = Array.from({ length: 20 }, () => process.append()).find((ms) => ms > 0) ?? 0
    expect(held).toBeGreaterThan(2 * APPEND_MS)
    expect(held).toBeLessThanOrEqual(200)
  })

  test('who pauses between appends lets others in anyway, and does not wait', () => {
    const process = writing()
    process.turns.lost('hot')
    const held = Array.from({ length: 100 }, () => {
      process.wait(30)
      return process.append()
    })
    expect(held.every((ms) => ms === 0)).toBe(true)
  })

  test('other streams do not wait, and what was long ago is forgotten', () => {
    const process = writing()
    process.turns.lost('hot')
    for (let n = 0; n < 100; n++) expect(process.append('another')).toBe(0)
    process.wait(6_000)
    expect(untilHeld(process)).toBe(1_000)
  })
})
