// A run counts as dead only when it has been silent for a minute while the counters answered.
import { describe, expect, test } from 'vitest'
import { createRuns } from '../../src/commands/invocation/runs.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Counters } from '../../src/ports/counters.ts'
import { fakeClock } from '../support/clock.ts'
import { silent } from '../support/silent.ts'

/** Values as the port promises them, and a switch that lets nobody be heard. */
function counters(clock: Clock) {
  const values = new Map<string, number>()
  let down = false
  const answer = async <T>(value: T) => {
    if (down) throw new Error('away')
    return value
  }
  const now = () => clock.now().getTime()
  const port: Pick<Counters, 'get' | 'set'> = {
    set: (key, _value, ttlMs) => answer(void values.set(key, now() + ttlMs)),
    get: (key) => answer((values.get(key) ?? 0) > now() ? '1' : undefined),
  }
  return { port: port as Counters, lose: () => values.clear(), away: (is: boolean) => (down = is) }
}

function runs(alone = false) {
  const clock = fakeClock()
  const store = counters(clock)
  const of = (runId: string, only = alone) =>
    createRuns({ counters: store.port, clock, logger: silent }, { runId, alone: only })
  return { clock, store, of }
}

describe('a run', () => {
  test('that beats is alive', async () => {
    const { of } = runs()
    const other = of('other')
    other.start()
    expect(await of('ours').isDead('other')).toBe(false)
    other.stop()
  })

  test('is dead after a minute of silence, and alive again when it speaks', async () => {
    const { of, clock } = runs()
    const ours = of('ours')
    expect(await ours.isDead('other')).toBe(false)
    clock.advance(59_999)
    expect(await ours.isDead('other')).toBe(false)
    clock.advance(1)
    expect(await ours.isDead('other')).toBe(true)
    const other = of('other')
    other.start()
    expect(await ours.isDead('other')).toBe(false)
    other.stop()
  })

  test('is not dead because the counters were away or lost what they had', async () => {
    const { of, clock, store } = runs()
    const ours = of('ours')
    await ours.isDead('other')
    clock.advance(50_000)
    store.away(true)
    expect(await ours.isDead('other')).toBe(false)
    store.away(false)
    store.lose()
    clock.advance(50_000)
    expect(await ours.isDead('other')).toBe(false)
  })

  test('is not dead because the date was set', async () => {
    const { store } = runs()
    const date = { now: new Date('2026-11-01T12:00:00.000Z') }
    const clock: Clock = { now: () => date.now }
    const ours = createRuns(
      { counters: store.port, clock, logger: silent },
      { runId: 'ours', alone: false },
    )
    expect(await ours.isDead('other')).toBe(false)
    date.now = new Date('2026-11-01T13:00:00.000Z')
    expect(await ours.isDead('other')).toBe(false)
  })

  test('of the only process is alive, every other one dead', async () => {
    const { of } = runs()
    const ours = of('ours', true)
    expect([await ours.isDead('ours'), await ours.isDead('before')]).toEqual([false, true])
  })
})
