/** Somebody who falls asleep before a command of theirs, and takes the step when they are woken. */
import type { Deps } from '../../src/commands/deps.ts'

export interface Sleeper {
  readonly deps: Deps
  /** They are about to take the step. */
  readonly asleep: Promise<void>
  readonly wake: () => void
}

export function asleepBefore(deps: Deps, type: string): Sleeper {
  const [asleep, morning] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const transact: Deps['streams']['transact'] = async (...asked) => {
    if ((asked[2] as { type: string }).type === type) {
      asleep.resolve()
      await morning.promise
    }
    return deps.streams.transact(...asked)
  }
  return {
    deps: { ...deps, streams: { ...deps.streams, transact } },
    asleep: asleep.promise,
    wake: morning.resolve,
  }
}
