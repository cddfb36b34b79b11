/**
 * The whole story over real HTTP, from sign-up to a billed answer. `--keep` leaves the server running;
 * `--engine distributed` tells it on EventStoreDB, MongoDB and Redis. Uses the public API and the
 * operator's command line only.
 */
import { parseArgs } from 'node:util'

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
const server = await startServer(engine).catch(told)
const stop = () => {
  void server.stop().then(() => process.exit(130))
}
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
try {
  await tellStory(server, keep)
  if (keep) server.leave()
  else await server.stop()
} catch (error) {
  failed(error instanceof Error ? error.message : String(error))
  await server.stop()
  process.exitCode = 1
}
