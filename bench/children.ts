/**
 * The processes of a run: load generators, what is measured beside us, and the product itself. None
 * outlives the run: forked ones end with their channel, the product is killed when this process ends.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export const root = join(import.meta.dirname, '..')
const running = new Set<ChildProcess>()

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => process.exit(signal === 'SIGINT' ? 130 : 143))

function watched(child: ChildProcess): ChildProcess {
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

export interface Helper {
  readonly pid: number
  /** Asks for one piece of work and waits for its result. */
  ask<T>(work: object): Promise<T>
  stop(): Promise<void>
}

/** A process of bench/children that answers every message with one. */
export async function startHelper(name: string): Promise<Helper> {
  const path = join(import.meta.dirname, 'children', `${name}.ts`)
  const child = watched(fork(path, { execArgv: ['--expose-gc'], stdio: 'inherit' }))
  async function ask<T>(work: object): Promise<T> {
    const gone = new AbortController()
    const left = once(child, 'exit', { signal: gone.signal }).then(() => {
      throw new Error(`${name} ended before it answered`)
    })
    left.catch(() => undefined)
    child.send(work)
    try {
      const [answer] = (await Promise.race([once(child, 'message'), left])) as [
        { error?: string; result?: T },
      ]
      if (answer.error !== undefined) throw new Error(`${name}: ${answer.error}`)
      return answer.result as T
    } finally {
      gone.abort()
    }
  }
  return { pid: child.pid ?? 0, ask, stop: () => stopChild(child) }
}

async function stopChild(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000)
  await exited
  clearTimeout(late)
}

export interface Product {
  readonly pid: number
  readonly port: number
  readonly url: string
  /** From the start of the process until it was ready. */
  readonly readyMs: number
  /** SIGTERM, as an operator stops it. */
  stop(): Promise<void>
}

/** The real `src/main.ts` on a data directory, its log lines in a file beside it. */
export async function startProduct(
  dataDir: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Product> {
  const port = await freePort()
  const log = `${dataDir}.log`
  const output = openSync(log, 'a')
  const begun = performance.now()
  const child = watched(
    spawn(process.execPath, [join(root, 'src/main.ts')], {
      // Not the checkout: its .env is somebody's own.
      cwd: join(dataDir, '..'),
      stdio: ['ignore', output, output],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        HOST: '127.0.0.1',
        PORT: String(port),
        METRICS_PORT: '0',
        DATA_DIR: dataDir,
        ...environment,
      },
    }),
  )
  closeSync(output)
  const url = `http://127.0.0.1:${port}`
  try {
    await ready(child, url)
  } catch (error) {
    await stopChild(child)
    throw new Error(`the server did not start: ${readFileSync(log, 'utf8').slice(-2_000)}`, {
      cause: error,
    })
  }
  const readyMs = performance.now() - begun
  return { pid: child.pid ?? 0, port, url, readyMs, stop: () => stopChild(child, 'SIGTERM') }
}

const READY_WITHIN_MS = 900_000

async function ready(child: ChildProcess, url: string): Promise<void> {
  const end = performance.now() + READY_WITHIN_MS
  while (performance.now() < end) {
    if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}`)
    if (child.signalCode !== null) throw new Error(`killed by ${child.signalCode}`)
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined)
    if (answer?.ok) return
    await delay(answer ? 50 : 3)
  }
  throw new Error('not ready in time')
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

/** The command line as an operator calls it; answers what it printed with --json. */
export async function daybook(
  dataDir: string,
  words: readonly string[],
  input: string,
): Promise<unknown> {
  const child = watched(
    spawn(process.execPath, [join(root, 'src/cli/main.ts'), ...words], {
      cwd: join(dataDir, '..'),
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        DATA_DIR: dataDir,
      },
    }),
  )
  let said = ''
  let complained = ''
  child.stdout?.on('data', (piece: Buffer) => (said += piece.toString()))
  child.stderr?.on('data', (piece: Buffer) => (complained += piece.toString()))
  child.stdin?.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`daybook ${words.join(' ')}: ${complained}${said}`)
  return words.includes('--json') ? (JSON.parse(said) as unknown) : undefined
}
