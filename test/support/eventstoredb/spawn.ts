/**
 * The server as a process that a test may kill, stop and start again on the same port and data.
 * The process never outlives the one that started it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Fault } from './faults.ts'
import type { FaultCommand } from './http.ts'
import { standStill } from '../stand-still.ts'

export interface SpawnOptions {
  readonly directory: string
  readonly port?: number
  readonly version?: string
  readonly maxAppendSize?: number
}

export interface SpawnedEventStoreDb {
  readonly url: string
  readonly port: number
  /** Of the process that runs now. */
  readonly pid: number
  fault(fault: Fault): Promise<void>
  lift(): Promise<void>
  endSubscriptions(): Promise<void>
  /** SIGSTOP: connections stay open and nothing at all is answered. */
  freeze(): Promise<void>
  thaw(): void
  /** SIGKILL; ends when the process is gone. */
  kill(): Promise<void>
  /** Ends when the process is gone, whoever ends it. */
  exited(): Promise<void>
  /** Starts it on the same port and data, after killing it if it still runs. */
  restart(): Promise<void>
  stop(): Promise<void>
}

const main = fileURLToPath(new URL('main.ts', import.meta.url))

export async function spawnEventStoreDb(options: SpawnOptions): Promise<SpawnedEventStoreDb> {
  let { child, url } = await start(options)
  const port = Number(new URL(url.replace('esdb:', 'http:')).port)
  const command = async (body: FaultCommand): Promise<void> => {
    const response = await fetch(`http://127.0.0.1:${port}/faults`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`The peer refused ${body.do}: ${response.status}`)
  }
  const exited = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal)
    await exited()
  }
  return {
    url,
    port,
    get pid() {
      return child.pid ?? 0
    },
    fault: (fault) => command({ do: 'add', fault }),
    lift: () => command({ do: 'lift' }),
    endSubscriptions: () => command({ do: 'end-subscriptions' }),
    freeze: () => standStill(child),
    thaw: () => void child.kill('SIGCONT'),
    kill: () => end('SIGKILL'),
    exited,
    async restart() {
      await end('SIGKILL')
      ;({ child, url } = await start({ ...options, port }))
    },
    async stop() {
      // A stopped process takes no SIGTERM.
      child.kill('SIGCONT')
      await end('SIGTERM')
    },
  }
}

async function start(options: SpawnOptions): Promise<{ child: ChildProcess; url: string }> {
  const args = [main, '--directory', options.directory, '--port', String(options.port ?? 0)]
  if (options.version !== undefined) args.push('--version', options.version)
  if (options.maxAppendSize !== undefined)
    args.push('--max-append-size', String(options.maxAppendSize))
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const endWithMe = (): void => void child.kill('SIGKILL')
  process.once('exit', endWithMe)
  child.once('exit', () => process.off('exit', endWithMe))
  if (!child.stdout) throw new Error('The peer has no output.')
  for await (const url of createInterface({ input: child.stdout })) {
    child.stdout.resume()
    return { child, url }
  }
  throw new Error('The peer ended before it was ready.')
}
