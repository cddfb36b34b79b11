/**
 * The operator's way into a running server: a socket in DATA_DIR that only the server's own user may
 * open. One request a connection, as JSON lines: the request, then lines, then how it ended.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { chmod, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'
import type { App } from '../app.ts'
import { problemText } from './problem-text.ts'
import {
  type AnyOperation,
  type Line,
  OperationFailed,
  type Room,
  runOperation,
} from './operation.ts'

type Message =
  | { readonly line: Line }
  | { readonly end: true }
  | { readonly failed: { readonly message: string; readonly exitCode: number } }

/** The shorter of the two ways to say it: a socket's path may have about 100 bytes. */
function socketPath(dataDir: string): string {
  const absolute = join(dataDir, 'daybook.sock')
  const near = relative(process.cwd(), absolute)
  return near.length < absolute.length && near !== '' ? near : absolute
}

export async function serveOperations(
  app: App,
  operations: readonly AnyOperation[],
): Promise<{ close(): Promise<void> }> {
  const path = socketPath(app.config.DATA_DIR)
  // The store's lock is ours, so a socket that lies here belongs to a server that was killed.
  await rm(path, { force: true })
  const open = new Set<Socket>()
  const server: Server = createServer((socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    void answer(app, operations, socket)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  await chmod(path, 0o600)
  return {
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
      await rm(path, { force: true })
    },
  }
}

async function answer(
  app: App,
  operations: readonly AnyOperation[],
  socket: Socket,
): Promise<void> {
  const left = new AbortController()
  socket.on('error', () => left.abort())
  socket.once('close', () => left.abort())
  const say = (message: Message) => {
    if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`)
  }
  try {
    const request = await firstLine(socket)
    const tell = (line: Line) => say({ line })
    await runOperation(operations, app, request, tell, left.signal, () => drained(socket))
    say({ end: true })
  } catch (error) {
    const { message, exitCode } = failureOf(error)
    say({ failed: { message, exitCode } })
  }
  socket.end()
}

/** Resolves when a stream has passed on what was written, or is gone. */
export const drained = (stream: Writable): Promise<void> =>
  new Promise((resolve) => {
    if (!stream.writableNeedDrain || stream.destroyed) return resolve()
    const done = () => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('close', done)
    return undefined
  })

async function firstLine(socket: Socket): Promise<{ name: string; input: unknown }> {
  for await (const line of createInterface({ input: socket })) {
    const request = JSON.parse(line) as { name?: unknown; input?: unknown }
    return { name: String(request.name), input: request.input }
  }
  throw new OperationFailed('no request came')
}

/** A refusal in words; a defect with its message. */
export function failureOf(error: unknown): OperationFailed {
  if (error instanceof OperationFailed) return error
  const known = problemText(error)
  if (known !== undefined) return new OperationFailed(known)
  return new OperationFailed(error instanceof Error ? error.message : String(error))
}

/** Asks the server of this data; undefined when none runs. */
export async function askServer(
  dataDir: string,
  request: { name: string; input: unknown },
  tell: (line: Line) => void,
  room: Room,
): Promise<'done' | undefined> {
  const socket = await connect(socketPath(dataDir))
  if (!socket) return undefined
  socket.write(`${JSON.stringify(request)}\n`)
  for await (const text of createInterface({ input: socket })) {
    const message = JSON.parse(text) as Message
    if ('line' in message) {
      tell(message.line)
      await room()
    } else if ('failed' in message)
      throw new OperationFailed(message.failed.message, message.failed.exitCode)
    else return 'done'
  }
  throw new OperationFailed('the server went away before it had answered')
}

const connect = (path: string): Promise<Socket | undefined> =>
  new Promise((resolve, reject) => {
    const socket = createConnection(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined)
      else reject(error)
    })
  })
