/**
 * A peer that speaks MongoDB's wire protocol as far as opening a connection needs it, and answers each
 * command as a test says: for servers that no test machine has, such as one that is too old.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { BSON } from 'mongodb'
import { onTestFinished } from 'vitest'

type Document = BSON.Document

const OP_REPLY = 1
const OP_QUERY = 2004
const OP_MSG = 2013
const HEADER_BYTES = 16

const HELLO: Document = {
  ok: 1,
  helloOk: true,
  isWritablePrimary: true,
  ismaster: true,
  minWireVersion: 0,
  maxWireVersion: 21,
  maxBsonObjectSize: 16_777_216,
  maxMessageSizeBytes: 48_000_000,
  maxWriteBatchSize: 100_000,
  logicalSessionTimeoutMinutes: 30,
  readOnly: false,
}
const BUILD: Document = { ok: 1, version: '7.0.0', versionArray: [7, 0, 0, 0] }

/** What it answers by command; everything else succeeds. */
export type Answers = Readonly<Record<string, Document | ((command: Document) => Document)>>

/** Its address, `host:port`. It is gone when the test has ended. */
export async function startPeer(answers: Answers): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    serve(socket, answers)
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

function serve(socket: Socket, answers: Answers): void {
  let received: Buffer = Buffer.alloc(0)
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
    while (received.length >= 4 && received.length >= received.readInt32LE(0)) {
      const length = received.readInt32LE(0)
      socket.write(answered(received.subarray(0, length), answers))
      received = received.subarray(length)
    }
  })
}

function answered(message: Buffer, answers: Answers): Buffer {
  const id = message.readInt32LE(4)
  const code = message.readInt32LE(12)
  const body = message.subarray(HEADER_BYTES)
  if (code === OP_QUERY) {
    const name = body.indexOf(0, 4)
    const reply = BSON.serialize(answerTo(BSON.deserialize(documentAt(body, name + 9)), answers))
    const fields = Buffer.alloc(20)
    fields.writeInt32LE(1, 16)
    return framed(OP_REPLY, id, Buffer.concat([fields, reply]))
  }
  const reply = BSON.serialize(answerTo(commandOf(body), answers))
  return framed(OP_MSG, id, Buffer.concat([Buffer.alloc(5), reply]))
}

/** Flags, then sections: the command itself, and lists of documents that belong to it. */
function commandOf(body: Buffer): Document {
  let command: Document = {}
  for (let at = 4; at < body.length;) {
    const isList = body[at] === 1
    const length = body.readInt32LE(at + 1)
    const section = body.subarray(at + 1, at + 1 + length)
    if (isList) {
      const end = section.indexOf(0, 4)
      const documents: Document[] = []
      for (let from = end + 1; from < length; from += section.readInt32LE(from))
        documents.push(BSON.deserialize(documentAt(section, from)))
      command = { ...command, [section.toString('utf8', 4, end)]: documents }
    } else command = { ...command, ...BSON.deserialize(section) }
    at += 1 + length
  }
  return command
}

const documentAt = (body: Buffer, at: number): Buffer =>
  body.subarray(at, at + body.readInt32LE(at))

function answerTo(command: Document, answers: Answers): Document {
  const [name = ''] = Object.keys(command)
  if (/^(hello|ismaster)$/i.test(name)) return { ...HELLO, ...(answers['hello'] as Document) }
  const given = answers[name]
  if (given) return typeof given === 'function' ? (given(command) as Document) : given
  return name === 'buildInfo' ? BUILD : { ok: 1, n: 1 }
}

function framed(code: number, responseTo: number, body: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeInt32LE(HEADER_BYTES + body.length, 0)
  header.writeInt32LE(responseTo, 8)
  header.writeInt32LE(code, 12)
  return Buffer.concat([header, body])
}
