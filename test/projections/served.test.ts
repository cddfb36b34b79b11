// Views that were lost are refused at the first look into nothing, and until they are back.
import { expect, test } from 'vitest'
import type { Position } from '../../src/ports/event-store.ts'
import { Unavailable } from '../../src/ports/unavailable.ts'
import type { ViewStore } from '../../src/ports/view-store.ts'
import { projection } from '../../src/projections/projection.ts'
import { createServed } from '../../src/projections/served.ts'
import { counterEvents } from '../support/counter.ts'
import { silent } from '../support/silent.ts'

const totals = projection<{ readonly total: number }, typeof counterEvents>(counterEvents, {
  name: 'totals',
  version: 1,
  indexes: {},
  on: { CounterRaised: { keys: (event) => event.stream, project: () => ({ total: 1 }) } },
})

test('lost views are not read, also where the rest of a look does not succeed', async () => {
  let mark: Position | undefined = 5n
  const store = {
    get: async () => undefined,
    getMany: async ({ name }: { name: string }) =>
      new Map(
        name === 'views-passed' && mark !== undefined
          ? [['totals@1', { document: {}, position: mark }]]
          : [],
      ),
    collections: async () => {
      if (mark === undefined) throw new Unavailable('views')
      return [{ name: 'totals', version: 1_000, checkpoint: mark }]
    },
  } as unknown as ViewStore
  const served = createServed({
    store,
    projections: [totals],
    logger: silent,
    sharing: true,
  })
  served.require(5n)
  await served.look()
  expect(await served.views.get(totals, 'c')).toBeUndefined()
  mark = undefined
  // Also before anybody has looked again.
  await expect(served.views.get(totals, 'c')).rejects.toThrow(Unavailable)
  await expect(served.look()).rejects.toThrow(Unavailable)
  await expect(served.views.get(totals, 'c')).rejects.toThrow(Unavailable)
})
