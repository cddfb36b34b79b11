// A process knows what is at the end of the log, and for how long it has not known.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLogEnd } from '../../src/commands/log-end.ts'
import type { StoredEvent } from '../../src/ports/event-store.ts'
import { silent } from '../support/silent.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => vi.useRealTimers())

const event = (position: bigint) => ({ position, type: 'Noted' }) as unknown as StoredEvent

const upcast = (one: StoredEvent): StoredEvent => one

/** A log whose end and whose news are told apart. */
function log() {
  const state = { head: 5n, away: false }
  let tell: (batch: readonly StoredEvent[]) => void = () => undefined
  const events = {
    async head() {
      if (state.away) throw new Error('away')
      return state.head
    },
    async *subscribe({ signal }: { signal: AbortSignal }) {
      while (!signal.aborted) {
        const batch = await new Promise<readonly StoredEvent[]>((resolve) => {
          tell = resolve
          signal.addEventListener('abort', () => resolve([]))
        })
        if (batch.length > 0) yield batch
      }
    },
  }
  return { state, events, tell: (batch: readonly StoredEvent[]) => tell(batch) }
}

test('as long as the end is where it has come to, it is seen', async () => {
  const { events } = log()
  const end = createLogEnd({ events, upcast, logger: silent })
  await end.start()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(end.unseenMs()).toBeLessThanOrEqual(1_000)
  await end.stop()
})

test('a store that is away, and news that do not come, leave it unseen', async () => {
  const { events, state, tell } = log()
  const heard: bigint[] = []
  const end = createLogEnd({ events, upcast, logger: silent })
  end.onEvents(() => {
    throw new Error('a listener that fails is no reason to stop')
  })
  end.onEvents((batch) => heard.push(...batch.map(({ position }) => position)))
  await end.start()
  state.away = true
  await vi.advanceTimersByTimeAsync(6_000)
  expect(end.unseenMs()).toBeGreaterThan(5_000)
  state.away = false
  await vi.advanceTimersByTimeAsync(1_000)
  expect(end.unseenMs()).toBeLessThanOrEqual(1_000)
  state.head = 7n
  await vi.advanceTimersByTimeAsync(6_000)
  expect(end.unseenMs()).toBeGreaterThan(5_000)
  tell([event(6n), event(7n)])
  await vi.advanceTimersByTimeAsync(0)
  expect(heard).toEqual([6n, 7n])
  expect(end.unseenMs()).toBeLessThanOrEqual(1_000)
  await end.stop()
})

test('events are told in the version of this release; of a newer one only that the stream moved on', async () => {
  const { events, tell } = log()
  const heard: StoredEvent[] = []
  const read = (one: StoredEvent): StoredEvent => {
    if (one.type === 'Unheard') throw new Error('not known to this release')
    return { ...one, data: { renamed: one.data['named'] } }
  }
  const end = createLogEnd({ events, upcast: read, logger: silent })
  end.onEvents((batch) => heard.push(...batch))
  await end.start()
  const [old, newer] = [event(6n), event(7n)]
  tell([
    { ...old, data: { named: 'a' } },
    { ...newer, type: 'Unheard', stream: 's', revision: 3, data: { of: 'a newer release' } },
  ])
  await vi.advanceTimersByTimeAsync(0)
  expect(heard).toMatchObject([
    { type: 'Noted', data: { renamed: 'a' } },
    { type: '', stream: 's', revision: 3, position: 7n, data: {} },
  ])
  await end.stop()
})
