/**
 * The whole story over real HTTP, from sign-up to a billed answer. `--keep` leaves the server running.
 * Uses the public API and the operator's command line only.
 */
import { failed } from './screen.ts'
import { startServer } from './server.ts'
import { tellStory } from './story.ts'

const keep = process.argv.includes('--keep')
const server = await startServer().catch((error: unknown) => {
  failed(error instanceof Error ? error.message : String(error))
  process.exit(1)
})
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
