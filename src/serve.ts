/**
 * One life of the server: start, wait for a signal, stop gracefully. Exit codes: 0 stopped as asked,
 * 78 the configuration or the store was refused (EX_CONFIG), 1 anything else.
 */
import { type App, createApp, type Overrides } from './app.ts'
import { operations } from './cli/operations/index.ts'
import { serveOperations } from './cli/socket.ts'
import { ConfigurationError, isAlone, readConfig, roleOf } from './config.ts'

/** After this, beside DRAIN_SECONDS, open calls are cut: the next start finds and ends them. */
const STOP_WITHIN_MS = 30_000

/** @param overrides for tests: another release, say. */
export async function serve(argv: readonly string[], overrides: Overrides = {}): Promise<number> {
  let app: App | undefined
  try {
    const config = readConfig()
    app = await createApp(config, { ...overrides, role: roleOf(config, argv) })
    const asked = signalled()
    const { url, notes } = await app.start()
    const operator = isAlone(config) ? await serveOperations(app, operations) : undefined
    process.stdout.write(`Daybook listens on ${url}\n`)
    for (const note of notes) process.stdout.write(`  ${note}\n`)
    await asked
    const limitMs = STOP_WITHIN_MS + config.DRAIN_SECONDS * 1_000
    const clean = await Promise.race([
      stop(app, operator),
      // The second signal, or the time, ends the wait.
      signalled().then(() => false),
      new Promise<false>((resolve) => setTimeout(() => resolve(false), limitMs).unref()),
    ])
    if (!clean) process.exit(1)
    return 0
  } catch (error) {
    const code = explain(error)
    // What was opened would keep the process, and its leases, alive.
    await app?.stop().catch(() => process.exit(code))
    return code
  }
}

async function stop(app: App, operator: { close(): Promise<void> } | undefined): Promise<true> {
  await operator?.close()
  await app.stop()
  return true
}

const signalled = () =>
  new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve())
    process.once('SIGINT', () => resolve())
  })

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
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  return 1
}
