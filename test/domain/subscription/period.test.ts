// Calendar periods are gapless months in UTC from the anchor's day; the 31st becomes the last day of a
// shorter month and comes back after it.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addDays,
  addMonths,
  daysInMonth,
  monthlyPeriod,
  startOfDay,
} from '../../../src/domain/subscription/period.ts'

const instants = fc
  .integer({ min: Date.UTC(2020, 0), max: Date.UTC(2045, 0) })
  .map((ms) => new Date(ms).toISOString())

describe('a monthly period', () => {
  it('ends on the last day of a shorter month and returns to its day', () => {
    const anchor = '2027-12-31T15:00:00.000Z'
    const starts: string[] = []
    for (let at = anchor, n = 0; n < 5; n++) {
      const { start, end } = monthlyPeriod(anchor, at)
      starts.push(start.slice(0, 10))
      at = end
    }
    expect(starts).toEqual(['2027-12-31', '2028-01-31', '2028-02-29', '2028-03-31', '2028-04-30'])
  })

  it('has the time in it, for any anchor and time, also before the anchor', () => {
    fc.assert(
      fc.property(instants, instants, (anchor, at) => {
        const { start, end } = monthlyPeriod(anchor, at)
        expect(start <= at && at < end).toBe(true)
      }),
    )
  })

  it('follows the one before without gap or overlap, on the anchor’s day or the last of its month', () => {
    fc.assert(
      fc.property(instants, instants, (anchor, at) => {
        const { start, end } = monthlyPeriod(anchor, at)
        expect(monthlyPeriod(anchor, end).start).toBe(end)
        expect(monthlyPeriod(anchor, addDays(end, -0.01)).start).toBe(start)
        expect(startOfDay(start)).toBe(start)
        const day = new Date(start)
        const last = daysInMonth(day.getUTCFullYear(), day.getUTCMonth())
        expect(day.getUTCDate()).toBe(Math.min(new Date(anchor).getUTCDate(), last))
      }),
    )
  })

  it('begins with the anchor’s day', () => {
    fc.assert(
      fc.property(instants, (anchor) => {
        expect(monthlyPeriod(anchor, anchor).start).toBe(startOfDay(anchor))
      }),
    )
  })
})

it('a month later keeps the day and time where the month has them', () => {
  expect(addMonths('2027-01-15T10:30:00.123Z', 1)).toBe('2027-02-15T10:30:00.123Z')
  expect(addMonths('2027-01-31T23:59:59.999Z', 1)).toBe('2027-02-28T23:59:59.999Z')
  expect(addMonths('2027-03-31T00:00:00.000Z', -13)).toBe('2026-02-28T00:00:00.000Z')
  expect(startOfDay('1969-12-31T05:00:00.000Z')).toBe('1969-12-31T00:00:00.000Z')
})
