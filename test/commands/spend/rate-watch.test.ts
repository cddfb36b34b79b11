// A sudden rate of cost is told once, with figures; what is usual, little, made up or long ago is not.
import { beforeEach, expect, test } from 'vitest'
import { createRateWatch, type RateWatch } from '../../../src/commands/spend/rate-watch.ts'
import type { StoredEvent } from '../../../src/ports/event-store.ts'
import { type FakeClock, fakeClock } from '../../support/clock.ts'
import { silent } from '../../support/silent.ts'

const MINUTE = 60_000
let clock: FakeClock
let watch: RateWatch
let told: { fields: Readonly<Record<string, unknown>>; message: string }[]
beforeEach(() => {
  clock = fakeClock()
  told = []
  const warn = (fields: object, message: string) => {
    told.push({ fields: { ...fields }, message })
  }
  watch = createRateWatch({ clock, logger: { ...silent, warn } })
})

function settled(usd: number, { practice }: { practice?: true } = {}): void {
  const event: Pick<StoredEvent, 'type' | 'data'> & { metadata: { recordedAt: string } } = {
    type: 'HoldSettled',
    data: { costNanos: String(Math.round(usd * 1e9)), ...(practice ? { practice } : {}) },
    metadata: { recordedAt: clock.now().toISOString() },
  }
  watch.observe([event as StoredEvent])
}
/** So much each minute, for so many minutes. */
function minutes(count: number, usd: number, options: { practice?: true } = {}): void {
  for (let n = 0; n < count; n++) {
    settled(usd, options)
    clock.advance(MINUTE)
  }
}

test('five times what is usual is told, once an hour', () => {
  minutes(180, 0.05)
  minutes(30, 0.5)
  expect(told).toEqual([
    {
      fields: expect.objectContaining({ minutes: 10 }),
      message: 'calls cost far more than usual: see GET /admin/spend',
    },
  ])
  expect(Number(told[0]?.fields['recentUsd'])).toBeGreaterThan(
    5 * Number(told[0]?.fields['usualUsd']),
  )
})

test('a day that is busy all along is usual', () => {
  minutes(300, 2)
  expect(told).toEqual([])
})

test('a trifle, made-up answers and the first hour are not told', () => {
  minutes(120, 0.000_1)
  minutes(20, 0.02)
  minutes(20, 50, { practice: true })
  expect(told).toEqual([])
})

test('the first hour knows nothing usual', () => {
  minutes(30, 0.01)
  minutes(20, 5)
  expect(told).toEqual([])
})

test('history that is read again is not news', () => {
  const history: StoredEvent[] = []
  for (let n = 0; n < 300; n++) {
    history.push({
      type: 'HoldSettled',
      data: { costNanos: n < 250 ? '1000000' : '5000000000' },
      metadata: { recordedAt: clock.now().toISOString() },
    } as unknown as StoredEvent)
    clock.advance(MINUTE)
  }
  clock.advance(60 * MINUTE)
  watch.observe(history)
  expect(told).toEqual([])
})
