/**
 * Carries out an operation where the data is: in the running server through its socket, else in this
 * process, which then opens the data itself and closes it again. No port is opened for it.
 */
import { isAlone, readConfig } from '../config.ts'
import type { Logger } from '../ports/logger.ts'
import { type Line, type Room, runOperation } from './operation.ts'
import { createPrinter, type Layout } from './print.ts'
import { askServer, drained } from './socket.ts'

export interface Request {
  readonly name: string
  readonly input: unknown
}
type Tell = (line: Line) => void

/** Prints as it goes. @throws OperationFailed, and what the configuration or the store refuses */
export async function perform(
  request: Request,
  layout: Layout,
  options: { readonly json: boolean },
): Promise<void> {
  const printer = createPrinter(layout, options)
  let complete = false
  try {
    await carryOut(
      request,
      (line) => printer.tell(line),
      () => drained(process.stdout),
    )
    complete = true
  } finally {
    printer.end(complete)
  }
}

/** The rows of an operation, for what the command line itself wants to know. */
export async function ask(request: Request): Promise<Readonly<Record<string, unknown>>[]> {
  const rows: Readonly<Record<string, unknown>>[] = []
  await carryOut(
    request,
    (line) => line.kind === 'row' && rows.push(line.row),
    async () => {},
  )
  return rows
}

async function carryOut(request: Request, tell: Tell, room: Room): Promise<void> {
  const config = readConfig()
  if (isAlone(config) && (await askServer(config.DATA_DIR, request, tell, room)) === 'done') return
  const [{ createApp }, { operations }] = await Promise.all([
    import('../app.ts'),
    import('./operations/index.ts'),
  ])
  const app = await createApp(config, { logger: plainLogger, role: 'none' })
  const stop = new AbortController()
  const interrupted = () => stop.abort()
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  try {
    await app.open()
    await runOperation(operations, app, request, tell, stop.signal, room)
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
    await app.stop()
  }
}

/** Standard output belongs to the answer. What goes wrong beside it is said in a line. */
const plainLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_fields, message) => process.stderr.write(`warning: ${message}\n`),
  error: (fields, message) => process.stderr.write(`error: ${message}${because(fields)}\n`),
}
const because = (fields: object): string =>
  'error' in fields && fields.error instanceof Error ? `: ${fields.error.message}` : ''
