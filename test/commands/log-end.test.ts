// A process knows what is at the end of the log, and for how long it has not known.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLogEnd } from '../../src/commands/log-end.ts'
import type { StoredEvent } from '../../src/ports/event-store.ts'
import { silent } from '../support/silent.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => vi.useRealTimers())

const event = (position: bigint) => ({ position, type: 'Noted' }) as unknown as StoredEvent

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
  const end = createLogEnd({ events, logger: silent })
  await end.start()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(end.unseenMs()).toBeLessThanOrEqual(1_000)
  await end.stop()
})

test('a store that is away, and news that do not come, leave it unseen', async () => {
  const { events, state, tell } = log()
  const heard: bigint[] = []
  const end = createLogEnd({ events, logger: silent })
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
