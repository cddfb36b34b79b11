/** The process as it is when it dies after so many appends: nothing reacts, nothing more is written. */
import type { Deps } from '../../src/commands/deps.ts'
import type { TestApp } from './app.ts'

class Killed extends Error {}

export async function killedAfter(
  app: TestApp,
  appends: number,
  flow: (deps: Deps) => Promise<unknown>,
): Promise<void> {
  await app.app.workers.stop()
  const { deps } = app.app
  let left = appends
  const transact: Deps['streams']['transact'] = async (decider, id, command, context, options) => {
    const loaded = await deps.streams.load(decider, id)
    if (left === 0 && decider.decide(command, loaded.state).length > 0) throw new Killed()
    const done = await deps.streams.transact(decider, id, command, context, options)
    if (done.events.length > 0) left--
    return done
  }
  await flow({ ...deps, streams: { ...deps.streams, transact } }).catch((error: unknown) => {
    if (!(error instanceof Killed)) throw error
  })
  await app.settled()
}
