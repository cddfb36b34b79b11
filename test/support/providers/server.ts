/**
 * A local server that behaves as one kind of provider does (kinds.ts): its path, its header for the key,
 * its chunks and its errors. A real socket with real bytes; nothing of Daybook's code runs in it.
 */
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface ProviderReply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** One write each. */
  readonly pieces: Iterable<string> | AsyncIterable<string>
}

export interface ProviderKind {
  readonly name: string
  /** What it is called at, with its query. */
  readonly path: string
  readonly key: string
  /** The header that must carry the key, and how; undefined: it asks for none. */
  readonly keyIn?: readonly [header: string, value: string]
  /** A whole answer of these words. */
  answer(words: readonly string[], body: Readonly<Record<string, unknown>>): ProviderReply
  readonly wrongKey: ProviderReply
  readonly notFound: ProviderReply
}

export interface ProviderRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, unknown>>
}

export interface ProviderServer {
  readonly origin: string
  readonly requests: readonly ProviderRequest[]
  /** How each call is answered from now on; undefined: with a whole answer. */
  decide(how: (request: ProviderRequest) => Promise<ProviderReply | undefined>): void
  close(): Promise<void>
}

export const WORDS = ['Grüße ', 'aus ', 'Köln.']

/** What they all answer who is not asked for a stream. */
const whole: ProviderReply = {
  headers: { 'content-type': 'application/json' },
  pieces: [
    JSON.stringify({
      id: 'chatcmpl-9',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'OK' }, finish_reason: 'stop' }],
    }),
  ],
}

export async function startProvider(kind: ProviderKind): Promise<ProviderServer> {
  const requests: ProviderRequest[] = []
  let how: (request: ProviderRequest) => Promise<ProviderReply | undefined> = () =>
    Promise.resolve(undefined)

  const replyTo = async (request: ProviderRequest): Promise<ProviderReply> => {
    if (request.path !== kind.path) return kind.notFound
    const [header, value] = kind.keyIn ?? []
    if (header !== undefined && request.headers[header] !== value) return kind.wrongKey
    const decided = await how(request)
    if (decided) return decided
    return request.body['stream'] === true ? kind.answer(WORDS, request.body) : whole
  }
  const server = createServer((incoming, response) => {
    const bytes: Buffer[] = []
    incoming.on('data', (piece: Buffer) => bytes.push(piece))
    incoming.on('end', () => {
      const body = JSON.parse(Buffer.concat(bytes).toString('utf8')) as ProviderRequest['body']
      const request = { path: incoming.url ?? '', headers: incoming.headers, body }
      requests.push(request)
      replyTo(request).then(
        async ({ status = 200, headers, pieces }) => {
          const type = status === 200 ? 'text/event-stream' : 'application/json'
          response.writeHead(status, { 'content-type': type, ...headers })
          for await (const piece of pieces) response.write(piece)
          response.end()
        },
        (error: unknown) => response.destroy(error instanceof Error ? error : undefined),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    decide(decided) {
      how = decided
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
