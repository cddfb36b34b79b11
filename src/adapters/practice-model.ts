/**
 * A practice model: Daybook can be tried whole without a provider or a key. It calls no language model
 * and says so first in every answer; the rest is derived from what was sent. Served as a provider is,
 * over HTTP on 127.0.0.1 behind a key made at the start, so that every layer above is the real one.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { TokenCounter } from '../ports/token-counter.ts'
import { callFor, type PracticeCall, practiceChoice, practiceTool } from './practice-tools.ts'
import { createTokenCounter } from './token-counter.ts'

export const PRACTICE_MODEL = 'practice-1'

export interface PracticeModel {
  /** With `/v1`. */
  readonly baseUrl: string
  /** Made for this process: nobody else on the machine can use the endpoint. */
  readonly apiKey: string
  close(): Promise<void>
}

const ENCODING = 'o200k_base'
const MAX_BODY_BYTES = 4 * 1024 * 1024
const ECHOED_CHARACTERS = 80
/** What OpenAI's chat format adds around each message, and once before the answer. */
const TOKENS_PER_MESSAGE = 3
const TOKENS_BEFORE_ANSWER = 3

const textPart = z.looseObject({ type: z.literal('text'), text: z.string() })
const message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z
    .union([
      z.string(),
      z.array(textPart).transform((parts) => parts.map((p) => p.text).join('\n')),
    ])
    // What calls tools may say nothing.
    .nullish()
    .transform((content) => content ?? ''),
})
const limit = z.int().positive().nullish()
const chatRequest = z.looseObject({
  model: z.string(),
  messages: z.array(message).min(1),
  n: z.literal(1).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: limit,
  max_completion_tokens: limit,
  tools: z.array(practiceTool).nullish(),
  tool_choice: practiceChoice.nullish(),
})
type ChatRequest = z.output<typeof chatRequest>

export async function startPracticeModel(
  options: { tokens?: TokenCounter; delayMs?: number } = {},
): Promise<PracticeModel> {
  const { tokens = createTokenCounter(), delayMs = 15 } = options
  const apiKey = randomBytes(32).toString('base64url')
  const expected = sha256(`Bearer ${apiKey}`)
  let calls = 0

  const server = createServer((request, response) => {
    calls += 1
    response.setHeader('x-request-id', `req_practice_${calls}`)
    const given = sha256(request.headers.authorization ?? '')
    if (!timingSafeEqual(given, expected))
      return refuse(response, 401, 'invalid_api_key', 'This key is not the practice model’s.')
    const answering = handle(request, response, {
      tokens,
      delayMs,
      id: `chatcmpl-practice-${calls}`,
    })
    answering.catch(() => response.destroy())
    return undefined
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    apiKey,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

interface Context {
  readonly tokens: TokenCounter
  readonly delayMs: number
  readonly id: string
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  context: Context,
): Promise<void> {
  const route = `${request.method} ${request.url}`
  if (route === 'GET /v1/models') return sendJson(response, 200, { object: 'list', data: [model] })
  if (route === `GET /v1/models/${PRACTICE_MODEL}`) return sendJson(response, 200, model)
  if (route !== 'POST /v1/chat/completions')
    return refuse(response, 404, 'unknown_url', `Invalid URL (${request.method})`)
  // At the first call: the tables of an encoding would make every start longer.
  await context.tokens.load(ENCODING)
  const body = await readBody(request)
  if (body === undefined)
    return refuse(response, 413, 'request_too_large', 'The request is larger than 4 MiB.')
  const { success, data, error } = chatRequest.safeParse(jsonOf(body))
  if (!success) {
    const path = error.issues[0]?.path.join('.') ?? ''
    return refuse(
      response,
      400,
      'invalid_value',
      `Invalid request: ${path || 'no JSON object'}`,
      path,
    )
  }
  if (data.model !== PRACTICE_MODEL)
    return refuse(
      response,
      404,
      'model_not_found',
      `The only model here is ${PRACTICE_MODEL}.`,
      'model',
    )
  await answer(data, response, context)
}

const model = { id: PRACTICE_MODEL, object: 'model', created: 0, owned_by: 'daybook' }

async function answer(
  request: ChatRequest,
  response: ServerResponse,
  context: Context,
): Promise<void> {
  const call = callFor(request)
  const { words, completionTokens, finishReason } = call
    ? calling(call, context.tokens)
    : composed(request, context.tokens)
  const promptTokens = promptTokensOf(request, context.tokens)
  const usage = {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  }
  const base = { id: context.id, created: Math.floor(Date.now() / 1_000), model: PRACTICE_MODEL }
  const choice = (content: object, finish: string | null) => [
    { index: 0, ...content, logprobs: null, finish_reason: finish },
  ]
  if (!request.stream) {
    const content = call ? null : words.join('')
    const calls = call ? { tool_calls: [call] } : {}
    const said = { message: { role: 'assistant', content, refusal: null, ...calls } }
    const choices = choice(said, finishReason)
    return sendJson(response, 200, { ...base, object: 'chat.completion', choices, usage })
  }
  const withUsage = request.stream_options?.include_usage === true
  const send = (choices: object[], used: object | null = null) => {
    const chunk = { ...base, object: 'chat.completion.chunk', choices }
    response.write(`data: ${JSON.stringify(withUsage ? { ...chunk, usage: used } : chunk)}\n\n`)
  }
  const type = 'text/event-stream; charset=utf-8'
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' })
  send(choice({ delta: { role: 'assistant', content: call ? null : '' } }, null))
  if (call) send(choice({ delta: { tool_calls: [{ index: 0, ...call }] } }, null))
  for (const content of words) {
    if (context.delayMs > 0) await delay(context.delayMs)
    if (response.destroyed) return
    send(choice({ delta: { content } }, null))
  }
  send(choice({ delta: {} }, finishReason))
  if (withUsage) send([], usage)
  response.end('data: [DONE]\n\n')
}

function calling({ function: { name, arguments: given } }: PracticeCall, tokens: TokenCounter) {
  const completionTokens = tokens.count(ENCODING, `${name}${given}`)
  return { words: [], completionTokens, finishReason: 'tool_calls' }
}

/** The same request always gets the same words. Cut at the limit as a model is, with `length`. */
function composed(request: ChatRequest, tokens: TokenCounter) {
  const most = request.max_completion_tokens ?? request.max_tokens ?? Infinity
  const words: string[] = []
  let completionTokens = 0
  for (const word of textOf(request).split(/(?= )/u)) {
    const more = tokens.count(ENCODING, word)
    if (completionTokens + more > most) return { words, completionTokens, finishReason: 'length' }
    completionTokens += more
    words.push(word)
  }
  return { words, completionTokens, finishReason: 'stop' }
}

function textOf({ messages }: ChatRequest): string {
  const asked = messages.findLast(({ role }) => role === 'user' || role === 'tool')?.content ?? ''
  const words = asked.split(/\s+/u).filter((word) => word !== '')
  const characters = Array.from(words.join(' '))
  const echo = characters.slice(0, ECHOED_CHARACTERS).join('')
  const more = characters.length > ECHOED_CHARACTERS ? '…' : ''
  const others = messages.length - 1
  return [
    'Practice model: no language model was called.',
    `Your message has ${number(words.length, 'word')} and ${number(Array.from(asked).length, 'character')}:`,
    `“${echo}${more}”.`,
    `It came with ${number(others, 'other message')}.`,
    'Connect a provider to get a real answer.',
  ].join(' ')
}

const number = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

function promptTokensOf({ messages }: ChatRequest, tokens: TokenCounter): number {
  let total = TOKENS_BEFORE_ANSWER
  for (const { role, content } of messages)
    total += TOKENS_PER_MESSAGE + tokens.count(ENCODING, role) + tokens.count(ENCODING, content)
  return total
}

/** undefined when the body is too large: it is read to its end all the same, else no answer arrives. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes <= MAX_BODY_BYTES) pieces.push(piece)
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(pieces).toString('utf8') : undefined
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function refuse(
  response: ServerResponse,
  status: number,
  code: string,
  said: string,
  param = '',
): void {
  const error = { message: said, type: 'invalid_request_error', param: param || null, code }
  sendJson(response, status, { error })
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()
