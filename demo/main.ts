/**
 * The whole story over real HTTP, from sign-up to a billed answer. `--keep` goes on serving until
 * Ctrl-C; `--engine distributed` tells it on EventStoreDB, MongoDB and Redis. Uses the public API and the
 * operator's command line only; what stands in for Paddle and Telegram is in front-doors.ts.
 */
import { parseArgs } from 'node:util'

import { openFrontDoors } from './front-doors.ts'
import { failed } from './screen.ts'
import { startServer } from './server.ts'
import { tellStory } from './story.ts'

function told(error: unknown): never {
  failed(error instanceof Error ? error.message : String(error))
  process.exit(1)
}

function options() {
  const { keep = false, engine = 'embedded' } = parseArgs({
    options: { keep: { type: 'boolean' }, engine: { type: 'string' } },
  }).values
  if (engine !== 'embedded' && engine !== 'distributed')
    throw new Error(`--engine: embedded or distributed, not ${engine}`)
  return { keep, engine } as const
}

let chosen: ReturnType<typeof options>
try {
  chosen = options()
} catch (error) {
  told(error)
}
const { keep, engine } = chosen
const doors = await openFrontDoors()
const server = await startServer(engine, doors.settings).catch(told)
doors.serve(server.url)
const stop = () => {
  void ended().then(() => process.exit(130))
}
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
try {
  await tellStory(server, doors, keep)
  if (!keep) await ended()
} catch (error) {
  failed(error instanceof Error ? error.message : String(error))
  await ended()
  process.exitCode = 1
}

async function ended(): Promise<void> {
  await server.stop()
  await doors.close()
}
