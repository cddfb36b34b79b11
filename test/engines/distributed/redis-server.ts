/** Redis servers of a test's own, which it may stop, freeze and start again on the same port. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { standStill } from '../../support/stand-still.ts'

/** Why the tests that need the program are left out; undefined: it is there. */
export const redisMissing: string | undefined =
  spawnSync('redis-server', ['--version']).status === 0
    ? undefined
    : 'left out: the program redis-server is not installed'

export interface RedisServer {
  readonly url: string
  readonly port: number
  /** SIGKILL: what the append-only file has is kept. */
  kill(): Promise<void>
  start(): Promise<void>
  /** Ends when nothing of it runs any more. */
  freeze(): Promise<void>
  thaw(): void
  /** One command on a connection of its own. */
  command(name: string, ...values: string[]): Promise<unknown>
  close(): Promise<void>
}

export async function startRedis(...options: string[]): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'daybook-redis-'))
  const port = await freePort()
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory]
    child = spawn(
      'redis-server',
      [...settings, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always', ...options],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    const ready = Promise.withResolvers<void>()
    child.stdout?.on('data', (text: Buffer) => {
      if (text.includes('Ready to accept connections')) ready.resolve()
    })
    child.once('exit', () => ready.reject(new Error('redis-server ended')))
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

  await start()
  const url = `redis://127.0.0.1:${port}`
  return {
    url,
    port,
    start,
    kill,
    freeze: async () => child && standStill(child),
    thaw: () => void child?.kill('SIGCONT'),
    async command(name, ...values) {
      const client = new Redis(url, { maxRetriesPerRequest: 0 })
      client.on('error', () => undefined)
      try {
        return await client.call(name, ...values)
      } finally {
        client.disconnect()
      }
    },
    async close() {
      child?.kill('SIGCONT')
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
