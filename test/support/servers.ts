/**
 * Server processes for the kill tests: started ahead of need, asked over HTTP, killed, never left behind.
 * What a request got is a reply, or undefined where the process died before it had answered.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { compileCache } from './compile-cache.ts'
import type { CrashOptions } from './crash-server.ts'

type Child = ChildProcessByStdio<Writable, Readable, null>

export interface ServerProcess {
  readonly url: string
  /** Resolves when the process is gone: whether it came to its point and killed itself there. */
  readonly died: Promise<{ readonly reached: boolean }>
  kill(): Promise<void>
}

const CRASH_SERVER = join(import.meta.dirname, 'crash-server.ts')
const MAIN = join(import.meta.dirname, '../../src/main.ts')
const environmentOf = (given: Readonly<Record<string, string>> = {}) => ({
  PATH: process.env['PATH'],
  ...compileCache,
  ...given,
})

/** Keeps one process loaded ahead. Close it, or that process stays. */
export function crashServers(ENGINE = 'embedded') {
  const load = (): Child =>
    spawn(process.execPath, [CRASH_SERVER], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: environmentOf({ ENGINE }),
    })
  const living = new Set<Child>()
  const loaded = (): Child => {
    const child = load()
    living.add(child)
    child.once('exit', () => living.delete(child))
    return child
  }
  let next = loaded()
  return {
    /** Undefined `url` where the process has reached its point before it listened. */
    async start(options: CrashOptions): Promise<Omit<ServerProcess, 'url'> & { url?: string }> {
      const child = next
      next = loaded()
      child.stdin.write(`${JSON.stringify(options)}\n`)
      return watched(child, /^ready (\S+)$/m)
    },
    async close() {
      await Promise.all(
        [...living].map(async (child) => {
          child.kill('SIGKILL')
          await once(child, 'exit')
        }),
      )
    },
  }
}

/** The product itself, as `npm start` runs it. */
export async function startMain(
  environment: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const child = spawn(process.execPath, [MAIN], {
    stdio: ['pipe', 'pipe', 'inherit'],
    cwd: tmpdir(),
    env: environmentOf(environment),
  })
  const { url, ...rest } = await watched(child, /^Daybook listens on (\S+)$/m)
  if (url === undefined) throw new Error('the server did not start')
  return { url, ...rest }
}

async function watched(
  child: Child,
  ready: RegExp,
): Promise<Omit<ServerProcess, 'url'> & { url?: string }> {
  let text = ''
  const closed = once(child, 'close')
  const found = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      if (text.length > 10_000) return
      text += chunk
      const url = ready.exec(text)?.[1]
      if (url !== undefined) resolve(url)
    })
  })
  const died = closed.then(([, signal]) => ({
    reached: signal === 'SIGKILL' && /^reached$/m.test(text),
  }))
  const url = await Promise.race([found, died.then(() => undefined)])
  return {
    ...(url !== undefined && { url }),
    died,
    async kill() {
      child.kill('SIGKILL')
      await closed
    },
  }
}

export interface Asked {
  /** `POST /agents` */
  readonly line: string
  readonly token?: string
  readonly body?: unknown
  readonly key?: string
  readonly org?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface Got {
  readonly status: number
  readonly text: string
  readonly position: bigint | undefined
}

export const headersOf = ({ token, body, key, org, headers }: Asked): Record<string, string> => ({
  ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  ...(key === undefined ? {} : { 'idempotency-key': key }),
  ...(org === undefined ? {} : { 'x-organization-id': org }),
  ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  ...headers,
})

/** undefined: no whole answer has come. */
export async function ask(url: string, asked: Asked): Promise<Got | undefined> {
  const [method = '', path = ''] = asked.line.split(' ')
  try {
    const response = await fetch(url + path, {
      method,
      headers: headersOf(asked),
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    })
    const text = await response.text()
    const position = response.headers.get('x-position')
    return {
      status: response.status,
      text,
      position: position === null ? undefined : BigInt(position),
    }
  } catch {
    return undefined
  }
}
