/**
 * One process of the product, as `npm start -- --role …` runs it: started, killed, asked to stop, started
 * again with another environment. Whoever ends without having been asked to is remembered with its last
 * words, and none outlives the test. With CLUSTER_LOGS=<folder> all that they print is kept there.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, existsSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { compileCache } from '../compile-cache.ts'
import type { Role } from '../../../src/config.ts'

const MAIN = join(import.meta.dirname, '../../../src/main.ts')
const LISTENS = /^Daybook listens on (\S+)$/m
const LAST_WORDS = 2_000
const LOGS = process.env['CLUSTER_LOGS']

export type Settings = Readonly<Record<string, string>>

export interface RoleProcess {
  readonly name: string
  readonly role: Role
  /** Of the run that is on. */
  readonly url: string
  readonly running: boolean
  /** How often it has ended although nobody had asked it to. */
  readonly crashes: readonly string[]
  /** Resolves when it listens. What `settings` name replaces what the cluster says. */
  start(settings?: Settings): Promise<void>
  kill(): Promise<void>
  /** SIGTERM; answers the exit code. */
  stop(): Promise<number | null>
}

type Child = ChildProcessByStdio<null, Readable, Readable>

export function roleProcess(name: string, role: Role, given: Settings): RoleProcess {
  let child: Child | undefined
  let url = ''
  let printed = ''
  let asked = false
  const crashes: string[] = []
  const hear = (text: string) => {
    printed = (printed + text).slice(-LAST_WORDS)
    if (LOGS !== undefined) appendFileSync(join(LOGS, `${name}.log`), text)
  }
  const killAtExit = () => child?.kill('SIGKILL')

  async function start(settings: Settings = {}): Promise<void> {
    asked = false
    const started: Child = spawn(process.execPath, [MAIN, '--role', role], {
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: tmpdir(),
      env: {
        PATH: process.env['PATH'],
        ...compileCache,
        ...given,
        ...settings,
      },
    })
    child = started
    process.once('exit', killAtExit)
    const ready = Promise.withResolvers<string>()
    started.stdout.setEncoding('utf8').on('data', (text: string) => {
      hear(text)
      const found = LISTENS.exec(text)?.[1]
      if (found !== undefined) ready.resolve(found)
    })
    started.stderr.setEncoding('utf8').on('data', hear)
    started.once('close', (code, signal) => {
      process.off('exit', killAtExit)
      if (child === started) child = undefined
      const ended = `${name} ended (${code ?? signal}): ${printed}`
      if (!asked) crashes.push(ended)
      ready.reject(new Error(ended))
    })
    url = await ready.promise
  }

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const ending = child
    if (!ending) return null
    asked = true
    const closed = once(ending, 'close')
    ending.kill(signal)
    const [code] = (await closed) as [number | null]
    return code
  }

  return {
    name,
    role,
    get url() {
      return url
    },
    get running() {
      return child !== undefined && !asked
    },
    crashes,
    start,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  }
}

/** The library that gives a process another date, its monotonic clock untouched; undefined: not installed. */
const faketime = ['/usr/lib', ...readdirSync('/usr/lib').map((name) => `/usr/lib/${name}`)]
  .map((folder) => join(folder, 'faketime/libfaketimeMT.so.1'))
  .find((path) => existsSync(path))

/** Why tests with a wrong clock are left out; undefined: they can run. */
export const faketimeMissing: string | undefined =
  faketime === undefined ? 'left out: faketime is not installed' : undefined

/** The environment of a process whose clock is so many seconds ahead of the machine's, or behind it. */
export const clockOff = (seconds: number): Settings => ({
  LD_PRELOAD: faketime ?? '',
  FAKETIME: `${seconds < 0 ? '' : '+'}${seconds}s`,
  DONT_FAKE_MONOTONIC: '1',
})
