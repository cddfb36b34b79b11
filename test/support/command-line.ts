/** The real command line and the real server as processes of their own, on a folder of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { compileCache } from './compile-cache.ts'
import { root } from './repository.ts'

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
  /** The JSON lines of standard output. */
  rows<T = Record<string, unknown>>(): T[]
}

export interface Installation {
  readonly dataDir: string
  /** A folder beside the data, for files and backups. */
  readonly folder: string
  daybook(...args: readonly string[]): Promise<Ran>
  /** With something on standard input. */
  typing(input: string, ...args: readonly string[]): Promise<Ran>
  /** Starts a command that goes on: `events --follow`. */
  spawn(...args: readonly string[]): ChildProcess
  startServer(): Promise<{ readonly url: string; stop(): Promise<number | null> }>
  remove(): Promise<void>
}

/** Nothing of the machine's own settings reaches the process. */
export async function installation(
  environment: Readonly<Record<string, string>> = {},
): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-cli-'))
  const dataDir = join(folder, 'data')
  const children = new Set<ChildProcess>()
  const start = (script: string, args: readonly string[]): ChildProcess => {
    const child = spawn(process.execPath, [join(root, script), ...args], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        ...compileCache,
        DATA_DIR: dataDir,
        PORT: '0',
        METRICS_PORT: '0',
        LOG_LEVEL: 'error',
        ...environment,
      },
    })
    children.add(child)
    child.once('close', () => children.delete(child))
    return child
  }
  const run = async (input: string, args: readonly string[]): Promise<Ran> => {
    const child = start('src/cli/main.ts', args)
    child.stdin?.end(input)
    const [out, err, code] = await Promise.all([
      text(child.stdout as NodeJS.ReadableStream),
      text(child.stderr as NodeJS.ReadableStream),
      exitOf(child),
    ])
    return { code, out, err, rows: <T>() => jsonLines<T>(out) }
  }
  return {
    dataDir,
    folder,
    daybook: (...args) => run('', args),
    typing: (input, ...args) => run(input, args),
    spawn: (...args) => start('src/cli/main.ts', args),
    async startServer() {
      const child = start('src/main.ts', [])
      const url = await said(child, /listens on (http:\S+)/)
      return {
        url,
        stop() {
          const exit = exitOf(child)
          child.kill('SIGTERM')
          return exit
        },
      }
    },
    async remove() {
      await Promise.all(
        [...children].map((child) => {
          const exit = exitOf(child)
          child.kill('SIGKILL')
          return exit
        }),
      )
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const jsonLines = <T>(out: string): T[] =>
  out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)

const exitOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    if (child.exitCode !== null) resolve(child.exitCode)
    else child.once('exit', (code) => resolve(code))
  })

/** Waits for words on standard output; rejects with what was said when the process ends before. */
export function said(child: ChildProcess, words: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    const read = (chunk: Buffer) => {
      heard += chunk.toString()
      const found = words.exec(heard)
      if (found) resolve(found[1] ?? found[0])
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', (code) => reject(new Error(`exit ${code}: ${heard}`)))
  })
}
