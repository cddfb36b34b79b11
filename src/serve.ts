/**
 * One life of the server: start, wait for a signal, stop gracefully. Exit codes: 0 stopped as asked,
 * 78 the configuration or the store was refused (EX_CONFIG), 1 anything else.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { type App, createApp, type Overrides } from './app.ts'
import { operations } from './cli/operations/index.ts'
import { serveOperations } from './cli/socket.ts'
import { type Config, ConfigurationError, isAlone, readConfig, roleOf } from './config.ts'
import { Unavailable } from './ports/unavailable.ts'

/** After this, beside DRAIN_SECONDS, open calls are cut: the next start finds and ends them. */
const STOP_WITHIN_MS = 30_000
/** A store that answers late, while all processes start at once say, is asked again for so long. */
const START_WITHIN_MS = 30_000
const START_AGAIN_MS = 500

/** @param overrides for tests: another release, say. */
export async function serve(argv: readonly string[], overrides: Overrides = {}): Promise<number> {
  let app: App | undefined
  try {
    const config = readConfig()
    const begun = await started(config, argv, overrides)
    const { asked, url, notes } = begun
    app = begun.app
    const operator = isAlone(config) ? await serveOperations(app, operations) : undefined
    process.stdout.write(`Daybook listens on ${url}\n`)
    for (const note of notes) process.stdout.write(`  ${note}\n`)
    await asked.signal
    const limitMs = STOP_WITHIN_MS + config.DRAIN_SECONDS * 1_000
    const clean = await Promise.race([
      stop(app, operator),
      // The second signal, or the time, ends the wait.
      signalled().signal.then(() => false),
      new Promise<false>((resolve) => setTimeout(() => resolve(false), limitMs).unref()),
    ])
    if (!clean) process.exit(1)
    return 0
  } catch (error) {
    const code = explain(error)
    await app?.stop().catch(() => process.exit(code))
    return code
  }
}

async function started(config: Config, argv: readonly string[], overrides: Overrides) {
  const role = roleOf(config, argv)
  for (const until = performance.now() + START_WITHIN_MS; ;) {
    const app = await createApp(config, { ...overrides, role }).catch(orLater(until))
    if (app) {
      const asked = signalled()
      const begun = await app.start().catch(async (error: unknown) => {
        // What was opened would keep the process, and its leases, alive.
        await app.stop().catch(() => process.exit(explain(error)))
        asked.forget()
        return orLater(asked.heard() ? 0 : until)(error)
      })
      if (begun) return { ...begun, app, asked }
    }
    await pause(START_AGAIN_MS)
  }
}

const orLater =
  (until: number) =>
  (error: unknown): undefined => {
    if (!(error instanceof Unavailable) || performance.now() > until) throw error
  }

async function stop(app: App, operator: { close(): Promise<void> } | undefined): Promise<true> {
  await operator?.close()
  await app.stop()
  return true
}

/** The next signal to stop. */
function signalled() {
  const { promise, resolve } = Promise.withResolvers<void>()
  let heard = false
  const hear = () => {
    heard = true
    resolve()
  }
  const forget = () => process.off('SIGTERM', hear).off('SIGINT', hear)
  process.once('SIGTERM', hear).once('SIGINT', hear)
  return { signal: promise, heard: () => heard, forget }
}

/** A refusal to start is a sentence for a person; anything else is a defect with its stack. */
function explain(error: unknown): number {
  if (error instanceof ConfigurationError) {
    process.stderr.write(`${error.message}\n`)
    for (const problem of error.problems) process.stderr.write(`  ${problem}\n`)
    return 78
  }
  if (error instanceof Error && error.name === 'StoreRefused') {
    process.stderr.write(`${error.message}\n`)
    return 78
  }
  if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
    process.stderr.write(`${(error as Error).message}\nSet HOST and PORT to a free address.\n`)
    return 78
  }
  if (error instanceof Unavailable) {
    process.stderr.write(`${error.message}: it did not answer in time while Daybook started.\n`)
    return 1
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  return 1
}
