/**
 * A Daybook of its own for the demo: the real server, and the operator's command line beside it. On the
 * embedded engine one process with its data in a temporary folder; on the distributed one a process for
 * each role, with a namespace of its own on the servers of the environment. The practice model answers,
 * whatever keys the environment holds: the demo never spends money.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const source = (path: string) => fileURLToPath(new URL(`../src/${path}`, import.meta.url))

export type DemoEngine = 'embedded' | 'distributed'

export interface DemoServer {
  readonly url: string
  /** What is running, and where its data is. */
  readonly about: { readonly title: string; readonly data: string }
  /** What the operator's command line needs to reach it. */
  readonly settings: readonly string[]
  /** Runs `npm run daybook -- …` and answers what it printed. */
  daybook(args: readonly string[], input?: string): Promise<string>
  /** Writes a file where the command line works; answers its name. */
  write(name: string, text: string): string
  /** Ends the server and removes its data. */
  stop(): Promise<void>
}

type Settings = Readonly<Record<string, string>>

export async function startServer(
  engine: DemoEngine,
  doors: Settings = { BILLING: 'manual', TELEGRAM_BOT_TOKEN: '' },
): Promise<DemoServer> {
  // Links must name the port, so it is known before.
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'daybook-demo-'))
  const own: Settings =
    engine === 'embedded' ? { DATA_DIR: join(folder, 'data') } : distributedSettings()
  const env = {
    ...process.env,
    ...own,
    ENGINE: engine,
    HOST: '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: `http://127.0.0.1:${port}`,
    METRICS_PORT: '0',
    LOG_LEVEL: 'error',
    PRACTICE_MODEL: 'on',
    MAIL_URL: '',
    DASHBOARD_URL: '',
    ...doors,
    REGISTRATION: 'open',
    OPENAI_MODEL: 'practice-1',
  }
  // The working directory is the folder itself, so that no .env of the checkout is read.
  const options = { cwd: folder, env }
  const roles = engine === 'embedded' ? ['all'] : ['api', 'project', 'work', 'bot']
  const children = roles.map((role) => start(role, portOf(role, options)))
  const stop = async () => {
    await Promise.all(children.map(ended))
    rmSync(folder, { recursive: true, force: true })
  }
  let url: string
  try {
    ;[url = ''] = await Promise.all(children.map(listening))
  } catch (error) {
    await stop()
    throw error
  }
  return {
    url,
    about: aboutOf(engine, own),
    settings: Object.entries({ ENGINE: engine, ...own }).map(([name, value]) => `${name}=${value}`),
    daybook: (args, input) => run([source('cli/main.ts'), ...args], options, input),
    write(name, text) {
      writeFileSync(join(folder, name), text)
      return name
    },
    stop,
  }
}

/** The others listen, too, and tell how they are. */
const portOf = (role: string, options: { cwd: string; env: NodeJS.ProcessEnv }) =>
  role === 'all' || role === 'api' ? options : { ...options, env: { ...options.env, PORT: '0' } }

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** @throws Error that names what is missing */
function distributedSettings(): Settings {
  const missing = ['EVENTSTOREDB_URL', 'MONGODB_URL', 'REDIS_URL'].filter(
    (name) => !process.env[name],
  )
  if (missing.length > 0)
    throw new Error(`--engine distributed needs servers: set ${missing.join(', ')}`)
  return {
    NAMESPACE: `demo_${randomBytes(4).toString('hex')}`,
    MASTER_KEY: randomBytes(32).toString('base64'),
  }
}

const aboutOf = (engine: DemoEngine, { NAMESPACE }: Settings): DemoServer['about'] =>
  engine === 'embedded'
    ? { title: 'Daybook is running, with no server beside it', data: 'data in a temporary folder' }
    : {
        title: 'Daybook is running, a process for each role: api, project, work, bot',
        data: `namespace ${NAMESPACE ?? ''} in EventStoreDB, MongoDB and Redis`,
      }

const start = (role: string, options: { cwd: string; env: NodeJS.ProcessEnv }): ChildProcess =>
  spawn(process.execPath, [source('main.ts'), '--role', role], {
    ...options,
    stdio: ['ignore', 'pipe', 'inherit'],
    // A process group of its own: Ctrl-C reaches the demo, which stops the server in order.
    detached: true,
  })

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
