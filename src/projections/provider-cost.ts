/**
 * What the providers took from the seller, hour by hour of UTC, when each call was settled. Made-up
 * answers cost nothing. Lists and rates read this; the ceiling is decided by its own stream.
 */
import { accountEvents } from '../domain/account/events.ts'
import { projection } from './projection.ts'
import { addNanos } from './usage-totals.ts'
import type { Views } from './views.ts'

export interface HourOfCost {
  readonly real: 1
  /** `2030-01-31T12` */
  readonly hour: string
  readonly costNanos: string
  readonly calls: number
}

export const providerCost = projection<HourOfCost, typeof accountEvents>(accountEvents, {
  name: 'provider-cost',
  version: 1,
  indexes: { hour: { equals: ['real'], orderBy: 'hour' } },
  on: {
    HoldSettled: {
      keys: ({ data }) => (data.practice ? undefined : data.at.slice(0, 13)),
      project: (view, { data }, hour) => ({
        real: 1,
        hour,
        costNanos: addNanos(view?.costNanos ?? '0', data.costNanos),
        calls: (view?.calls ?? 0) + 1,
      }),
    },
  },
})

const HOURS_MAX = 1_000

/** The hours with any cost, oldest first. `from`: an instant; at most a month. */
export const costsSince = async (views: Views, from: string): Promise<readonly HourOfCost[]> =>
  (
    await views.find(providerCost, {
      index: 'hour',
      equals: { real: 1 },
      from: from.slice(0, 13),
      limit: HOURS_MAX,
    })
  ).items
