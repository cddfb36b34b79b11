/**
 * A whole server in a process of its own that kills itself with SIGKILL at a named point. It reads one
 * line of JSON (`CrashOptions`) from standard input, so that it can be loaded before it is needed; says
 * `ready URL`, and `reached` right before it dies. The points are in what is given to the application
 * (its engine, its provider), never in the product's code.
 */
import { writeSync } from 'node:fs'
import { createSmtpMailer } from '../../src/adapters/mail/smtp.ts'
import { createOpenAi } from '../../src/adapters/openai.ts'
import { type App, createApp, type Overrides } from '../../src/app.ts'
import { type Config, readConfig } from '../../src/config.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Engine } from '../../src/ports/engine.ts'
import type { Llm } from '../../src/ports/llm.ts'
import type { Mailer } from '../../src/ports/mailer.ts'
import { silent } from './silent.ts'

/** `n`: the how manieth time, 1 where left out. Counted once the server listens, unless `starting`. */
export type CrashPoint = {
  readonly n?: number
  readonly starting?: true
} & (
  | { readonly at: 'append'; readonly type: string; readonly when: 'before' | 'after' }
  | { readonly at: 'content' | 'call' | 'mail'; readonly when: 'before' | 'after' }
  /** A piece of text has come from the provider. */
  | { readonly at: 'chunk' }
  /** A data key was made durable. */
  | { readonly at: 'key' }
  /** The whole answer to a request other than a GET is on its way. */
  | { readonly at: 'answer' }
)

export interface CrashOptions {
  readonly environment: Readonly<Record<string, string>>
  readonly point?: CrashPoint
  /** The clock of this process against the machine's. */
  readonly clockOffsetMs?: number
}

function die(): Promise<never> {
  writeSync(1, 'reached\n')
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => undefined)
}

/** The same object with some of its methods replaced; private state stays with the original. */
function replacing<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(_target, name) {
      const replaced = Reflect.get(methods, name)
      if (replaced !== undefined) return replaced
      const own: unknown = Reflect.get(target, name)
      return typeof own === 'function' ? own.bind(target) : own
    },
  })
}

class Trap {
  armed = false
  #passed = 0
  readonly #point: CrashPoint | undefined
  constructor(point: CrashPoint | undefined) {
    this.#point = point
    this.armed = point?.starting === true
  }

  /** Dies where this is the point, for the nth time. */
  async pass(at: CrashPoint['at'], when?: 'before' | 'after', types?: readonly string[]) {
    const point = this.#point
    if (!this.armed || point?.at !== at) return
    if ('when' in point && point.when !== when) return
    if (point.at === 'append' && types?.includes(point.type) !== true) return
    this.#passed++
    if (this.#passed === (point.n ?? 1)) await die()
  }
}

function trapped(engine: Engine, trap: Trap): Engine {
  return {
    ...engine,
    events: replacing(engine.events, {
      async append(stream, expected, batch) {
        const types = batch.map((event) => event.type)
        await trap.pass('append', 'before', types)
        const done = await engine.events.append(stream, expected, batch)
        await trap.pass('append', 'after', types)
        return done
      },
    }),
    contents: replacing(engine.contents, {
      async put(key, bytes) {
        await trap.pass('content', 'before')
        await engine.contents.put(key, bytes)
        await trap.pass('content', 'after')
      },
    }),
    keys: replacing(engine.keys, {
      async create(id, key) {
        const kept = await engine.keys.create(id, key)
        await trap.pass('key')
        return kept
      },
    }),
  }
}

function trappedLlm(trap: Trap): Llm {
  const provider = createOpenAi()
  return {
    async complete(request, onText, signal) {
      await trap.pass('call', 'before')
      const told = (text: string) => {
        onText(text)
        void trap.pass('chunk')
      }
      const result = await provider.complete(request, told, signal)
      await trap.pass('call', 'after')
      return result
    },
  }
}

function trappedMailer(server: Mailer, trap: Trap): Mailer {
  return {
    async send(mail, signal) {
      await trap.pass('mail', 'before')
      await server.send(mail, signal)
      await trap.pass('mail', 'after')
    },
    close: () => server.close(),
  }
}

function watchAnswers({ server }: App, trap: Trap): void {
  server.server.on('request', (request, response) => {
    if (request.method !== 'GET') response.once('finish', () => void trap.pass('answer'))
  })
}

async function openEngine(config: Config, clock: Clock): Promise<Engine> {
  if (config.ENGINE === 'embedded') {
    const embedded = await import('../../src/engines/embedded/index.ts')
    return embedded.openEngine({ dataDir: config.DATA_DIR, logger: silent, clock })
  }
  const distributed = await import('../../src/engines/distributed/index.ts')
  return distributed.openEngine({
    logger: silent,
    namespace: config.NAMESPACE,
    eventStoreDbUrl: config.EVENTSTOREDB_URL ?? '',
    mongoDbUrl: config.MONGODB_URL ?? '',
    keysMongoDbUrl: config.KEYS_MONGODB_URL,
    redisUrl: config.REDIS_URL ?? '',
    masterKey: Buffer.from(config.MASTER_KEY ?? '', 'base64'),
    // Whoever takes up what this process leaves lives by a clock that is told, too.
    clock,
  })
}

async function run({ environment, point, clockOffsetMs = 0 }: CrashOptions): Promise<void> {
  const config = readConfig(environment, '/nonexistent/.env')
  const trap = new Trap(point)
  const clock = { now: () => new Date(Date.now() + clockOffsetMs) }
  const engine = trapped(await openEngine(config, clock), trap)
  const overrides: Overrides = {
    engine,
    logger: silent,
    llm: trappedLlm(trap),
    // A folder needs no trap: its files are the same whenever they are written.
    ...(config.MAIL_URL !== undefined && {
      mailer: trappedMailer(
        createSmtpMailer({ url: config.MAIL_URL, from: config.MAIL_FROM }),
        trap,
      ),
    }),
    clock,
  }
  const app = await createApp(config, overrides)
  watchAnswers(app, trap)
  const { url } = await app.start()
  trap.armed = true
  writeSync(1, `ready ${url}\n`)
}

// Loaded ahead, as all the rest.
if (process.env['ENGINE'] === 'distributed') void import('../../src/engines/distributed/index.ts')
else void import('../../src/engines/embedded/index.ts')

let line = ''
process.stdin.setEncoding('utf8').on('data', (text: string) => {
  line += text
  if (!line.includes('\n')) return
  process.stdin.removeAllListeners('data')
  void run(JSON.parse(line) as CrashOptions)
})
// Whoever started this process has gone.
process.stdin.on('end', () => process.exit(1))
