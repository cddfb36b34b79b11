/**
 * The server as a process of its own, so that tests can kill and stop it. Prints its URL, then serves:
 * `node test/support/eventstoredb/main.ts --directory <path> [--port <n>] [--version <x.y.z>]
 * [--max-append-size <bytes>]`. Faults come through `POST /faults`. It exists for fault injection in
 * tests; it is not EventStoreDB.
 */
import { parseArgs } from 'node:util'
import { startEventStoreDb } from './server.ts'

const { values } = parseArgs({
  options: {
    directory: { type: 'string' },
    port: { type: 'string', default: '0' },
    version: { type: 'string' },
    'max-append-size': { type: 'string' },
  },
})
const { directory, port, version, 'max-append-size': maxAppendSize } = values
if (directory === undefined) {
  process.stderr.write('--directory is missing: where the log lies.\n')
  process.exit(64)
}
const server = await startEventStoreDb({
  directory,
  port: Number(port),
  ...(version === undefined ? {} : { version }),
  ...(maxAppendSize === undefined ? {} : { maxAppendSize: Number(maxAppendSize) }),
  die: () => process.kill(process.pid, 'SIGKILL'),
})
process.stdout.write(`${server.url}\n`)

const stop = (): void => void server.close().finally(() => process.exit(0))
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
// Whoever started it over a channel has gone.
process.once('disconnect', stop)
