/**
 * A Daybook of its own for the demo: the real server as a process, on a free port, with its data in a
 * temporary folder, and the operator's command line beside it. The practice model answers, whatever
 * keys the environment holds: the demo never spends money.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const source = (path: string) => fileURLToPath(new URL(`../src/${path}`, import.meta.url))

export interface DemoServer {
  readonly url: string
  readonly dataDir: string
  readonly pid: number
  /** Runs `npm run daybook -- …` and answers what it printed. */
  daybook(args: readonly string[], input?: string): Promise<string>
  /** Ends the server and removes its data. */
  stop(): Promise<void>
  /** Lets the server run on after the demo has ended. */
  leave(): void
}

export async function startServer(): Promise<DemoServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'daybook-demo-'))
  const env = {
    ...process.env,
    DATA_DIR: join(dataDir, 'data'),
    HOST: '127.0.0.1',
    PORT: '0',
    METRICS_PORT: '0',
    LOG_LEVEL: 'error',
    PRACTICE_MODEL: 'on',
    BILLING: 'manual',
    REGISTRATION: 'open',
    OPENAI_MODEL: 'practice-1',
  }
  // The working directory is the folder itself, so that no .env of the checkout is read.
  const options = { cwd: dataDir, env }
  const child = spawn(process.execPath, [source('main.ts')], {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group of its own: Ctrl-C reaches the demo, which stops the server in order.
    detached: true,
  })
  const url = await listening(child)
  return {
    url,
    dataDir: env.DATA_DIR,
    pid: child.pid ?? 0,
    daybook: (args, input) => run([source('cli/main.ts'), ...args], options, input),
    async stop() {
      await ended(child)
      rmSync(dataDir, { recursive: true, force: true })
    },
    leave() {
      child.stdout?.destroy()
      child.unref()
    },
  }
}

async function listening(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the server has no output')
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /^Daybook listens on (\S+)$/.exec(line)?.[1]
    if (url !== undefined) {
      child.stdout.resume()
      return url
    }
  }
  throw new Error('the server did not start')
}

const ended = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    child.once('exit', () => resolve())
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), 5_000).unref()
  })

function run(
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
  input = '',
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
    let out = ''
    let problems = ''
    child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
    child.stderr.on('data', (bytes: Buffer) => (problems += bytes.toString()))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(out)
      else
        reject(new Error(`daybook ${args.slice(1).join(' ')} answered ${code}: ${problems}${out}`))
    })
    child.stdin.end(input)
  })
}
