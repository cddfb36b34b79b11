/** FerretDB processes of a test's own, which it may kill, freeze and start again on the same port. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { servers } from '../../support/distributed.ts'
import { standStill } from '../../support/stand-still.ts'

const SCRIPT = join(import.meta.dirname, '../../../scripts/build-ferretdb.sh')

/** Not built only for this: where MONGODB_URL is not set, nothing of MongoDB is tested. */
const built = servers().MONGODB_URL === undefined ? undefined : spawnSync(SCRIPT)

/** Why the tests that need the program are left out; undefined: it is there. */
export const ferretDbMissing: string | undefined =
  built === undefined
    ? 'left out: MONGODB_URL is not set'
    : built.status === 0
      ? undefined
      : `left out: ${built.stderr.toString().trim()}`

export interface MongoServer {
  readonly url: string
  /** SIGKILL: what it has acknowledged is kept. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends when nothing of it runs any more. */
  freeze(): Promise<void>
  thaw(): void
  close(): Promise<void>
}

/** Started, unless told otherwise. */
export async function mongoServer({ started = true } = {}): Promise<MongoServer> {
  const directory = mkdtempSync(join(tmpdir(), 'daybook-ferretdb-'))
  const port = await freePort()
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const starting = spawn(
      built?.stdout.toString().trim() ?? '',
      [`127.0.0.1:${port}`, directory],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    child = starting
    const ready = Promise.withResolvers<void>()
    starting.stdout.on('data', () => ready.resolve())
    starting.once('exit', () => ready.reject(new Error('FerretDB has ended')))
    await ready.promise
  }
  async function kill(): Promise<void> {
    const ending = child
    child = undefined
    if (ending === undefined || ending.exitCode !== null) return
    const exited = once(ending, 'exit')
    ending.kill('SIGKILL')
    await exited
  }

  if (started) await start()
  return {
    url: `mongodb://127.0.0.1:${port}/`,
    start,
    kill,
    freeze: async () => child && standStill(child),
    thaw: () => void child?.kill('SIGCONT'),
    async close() {
      await kill()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
