/**
 * A scriptable OpenAI-compatible server on 127.0.0.1 for every test that needs a provider. Each call
 * plays one behaviour: those queued with `next` in order, then the one set with `otherwise` (a plain
 * answer). A real socket with real bytes; nothing of Daybook's code runs in it.
 *
 *   const upstream = await startUpstream()
 *   upstream.next({ text: 'Hi' }, { status: 429, error: { code: 'rate_limit_exceeded' } })
 *   const gate = openable(); upstream.next({ gate }); …; gate.open()       // held before its headers
 *   await upstream.request(0).closed                                       // 'answered' or 'aborted'
 */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** What a call does. Everything is optional: `{}` is a whole streamed answer with usage. */
export interface Behaviour {
  /** The answer; an array gives its chunks, a string is cut into words. */
  readonly text?: string | readonly string[]
  /** The usage object as sent, or null: none. Default 10 prompt tokens, a completion token per chunk. */
  readonly usage?: unknown
  /** Where the usage comes: in a last chunk of its own, in every chunk, or with the finish_reason. */
  readonly usageIn?: 'last' | 'every' | 'finish'
  readonly finishReason?: string
  /** Waited before each chunk of text. */
  readonly delayMs?: number
  /** Waited for before the headers. */
  readonly gate?: Gate
  /** Waited for after `after` chunks of text. */
  readonly midGate?: Gate
  /** Chunks of text before `midGate` or `ending`. Default: all of them. 0: the headers only. */
  readonly after?: number
  /**
   * How a stream ends: `done` whole; `cut` closed cleanly without finish_reason or [DONE]; `reset` the
   * socket torn; `stall` nothing more, left open; `error` an error event, then closed.
   */
  readonly ending?: 'done' | 'cut' | 'reset' | 'stall' | 'error'
  /** Takes the request and never answers, or tears the socket before any header. */
  readonly before?: 'stall' | 'reset'
  /** An answer in one JSON body even though a stream was asked for. */
  readonly json?: boolean
  /** An HTTP error (with `error` in the envelope), or another status for `raw`. */
  readonly status?: number
  readonly error?: { message?: string; type?: string; code?: string | null; param?: string | null }
  /** 400 unsupported_parameter when the body has this parameter, else a plain answer. */
  readonly refuses?: string
  /** Exactly these bytes as the body, one write each. */
  readonly raw?: string | Uint8Array | readonly (string | Uint8Array)[]
  readonly headers?: Readonly<Record<string, string>>
}

export interface Gate {
  readonly opened: Promise<void>
  open(): void
}
export function openable(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { opened: promise, open: resolve }
}

export interface UpstreamRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Body
  /** How the call ended as the provider sees it: answered to its end, or the caller hung up before. */
  readonly closed: Promise<'answered' | 'aborted'>
}

export interface Upstream {
  /** With `/v1`. */
  readonly baseUrl: string
  readonly apiKey: string
  /** Calls to /chat/completions in order of arrival, refused ones included. */
  readonly requests: readonly UpstreamRequest[]
  /** The nth call; throws when there was none. */
  request(index: number): UpstreamRequest
  /** Resolves when at least `count` calls have arrived. */
  arrived(count: number): Promise<void>
  next(...behaviours: Behaviour[]): void
  otherwise(behaviour: Behaviour): void
  close(): Promise<void>
}

type Body = Readonly<Record<string, unknown>>
const MODEL = 'test-model'
const CREATED = 1_760_000_000

export async function startUpstream(): Promise<Upstream> {
  const apiKey = 'sk-test-0123456789abcdef'
  const queue: Behaviour[] = []
  const requests: UpstreamRequest[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  let fallback: Behaviour = {}

  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('error', () => response.destroy())
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const path = request.url ?? ''
      if (path === '/v1/models') return sendJson(response, 200, models)
      if (path !== '/v1/chat/completions') return sendJson(response, 404, envelope({}))
      const body = JSON.parse(Buffer.concat(pieces).toString('utf8')) as Body
      const closed = new Promise<'answered' | 'aborted'>((resolve) => {
        response.on('close', () => resolve(response.writableFinished ? 'answered' : 'aborted'))
      })
      requests.push({ path, headers: request.headers, body, closed })
      for (const waiter of waiting) if (requests.length >= waiter.count) waiter.resolve()
      if (request.headers.authorization !== `Bearer ${apiKey}`)
        return sendJson(response, 401, envelope({ code: 'invalid_api_key' }))
      play(queue.shift() ?? fallback, body, response).catch((error: unknown) =>
        response.destroy(error instanceof Error ? error : undefined),
      )
      return undefined
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    apiKey,
    requests,
    request(index) {
      const found = requests[index]
      if (!found) throw new Error(`the upstream was called ${requests.length} times`)
      return found
    },
    arrived: (count) =>
      new Promise((resolve) => {
        if (requests.length >= count) resolve()
        else waiting.push({ count, resolve })
      }),
    next: (...behaviours) => void queue.push(...behaviours),
    otherwise(behaviour) {
      fallback = behaviour
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const models = {
  object: 'list',
  data: [{ id: MODEL, object: 'model', created: CREATED, owned_by: 'test' }],
}

const envelope = (error: NonNullable<Behaviour['error']>) => ({
  error: { message: 'refused by the test', type: 'error', param: null, code: null, ...error },
})

function sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  const bytes = Buffer.from(JSON.stringify(body))
  const length = { 'content-type': 'application/json', 'content-length': bytes.length }
  response.writeHead(status, { 'x-request-id': 'req_test', ...length, ...headers }).end(bytes)
}

async function play(behaviour: Behaviour, body: Body, response: ServerResponse): Promise<void> {
  await behaviour.gate?.opened
  if (behaviour.before === 'stall') return
  if (behaviour.before === 'reset') return void response.socket?.resetAndDestroy()
  if (behaviour.raw !== undefined) return playRaw(behaviour, response)
  const { status = 200, error = {}, headers, refuses } = behaviour
  if (status !== 200) return sendJson(response, status, envelope(error), headers)
  if (refuses !== undefined && Object.hasOwn(body, refuses)) {
    const refused = { type: 'invalid_request_error', code: 'unsupported_parameter', param: refuses }
    return sendJson(response, 400, envelope(refused), headers)
  }
  if (behaviour.json || body['stream'] !== true) {
    const { text, usage, finish } = answerOf(behaviour)
    const message = { role: 'assistant', content: text.join(''), refusal: null }
    const choices = [{ index: 0, message, logprobs: null, finish_reason: finish }]
    const answer = {
      id: 'chatcmpl-test',
      object: 'chat.completion',
      created: CREATED,
      model: MODEL,
    }
    return sendJson(response, 200, { ...answer, choices, ...(usage ? { usage } : {}) }, headers)
  }
  await playStream(behaviour, body, response)
}

function answerOf(behaviour: Behaviour) {
  const given = behaviour.text ?? 'Hello from the test model.'
  const text = typeof given === 'string' ? given.split(/(?<= )/u) : given
  const completion = text.length
  const usage =
    behaviour.usage === undefined
      ? { prompt_tokens: 10, completion_tokens: completion, total_tokens: 10 + completion }
      : behaviour.usage
  return { text, usage, finish: behaviour.finishReason ?? 'stop' }
}

function playRaw(behaviour: Behaviour, response: ServerResponse): void {
  const { raw = '', status = 200 } = behaviour
  const type = { 'content-type': 'text/event-stream', 'x-request-id': 'req_test' }
  response.writeHead(status, { ...type, ...behaviour.headers })
  const pieces = typeof raw === 'string' || raw instanceof Uint8Array ? [raw] : raw
  for (const piece of pieces) response.write(piece)
  response.end()
}

async function playStream(
  behaviour: Behaviour,
  body: Body,
  response: ServerResponse,
): Promise<void> {
  const { usageIn = 'last', delayMs = 0, ending = 'done' } = behaviour
  const { text, usage, finish } = answerOf(behaviour)
  const after = behaviour.after ?? text.length
  const asked = (body['stream_options'] as { include_usage?: boolean } | undefined)?.include_usage
  const base = { id: 'chatcmpl-test', object: 'chat.completion.chunk', created: CREATED }
  const send = (choices: unknown[], withUsage: boolean) => {
    const last = asked && usage ? { usage: withUsage ? usage : null } : {}
    response.write(`data: ${JSON.stringify({ ...base, model: MODEL, choices, ...last })}\n\n`)
  }
  const choice = (delta: object, reason: string | null = null) => [
    { index: 0, delta, logprobs: null, finish_reason: reason },
  ]
  const type = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
  response.writeHead(200, { ...type, 'x-request-id': 'req_test', ...behaviour.headers })
  response.flushHeaders()
  if (after > 0) send(choice({ role: 'assistant', content: '' }), usageIn === 'every')
  for (const [index, piece] of text.entries()) {
    if (index === after) break
    if (delayMs > 0) await delay(delayMs)
    if (response.destroyed) return
    send(choice({ content: piece }), usageIn === 'every')
  }
  await behaviour.midGate?.opened
  if (ending === 'stall') return
  if (ending === 'cut') return void response.end()
  if (ending === 'reset') return tear(response)
  if (ending === 'error') {
    const error = { type: 'server_error', ...behaviour.error }
    return void response.end(`data: ${JSON.stringify(envelope(error))}\n\n`)
  }
  for (const piece of text.slice(after)) send(choice({ content: piece }), usageIn === 'every')
  send(choice({}, finish), usageIn !== 'last')
  if (asked && usage && usageIn === 'last') send([], true)
  response.end('data: [DONE]\n\n')
}

/** A reset after the bytes written so far have left: a reset at once would throw them away. */
function tear(response: ServerResponse): void {
  response.write('', () => setTimeout(() => response.socket?.resetAndDestroy(), 20))
}
