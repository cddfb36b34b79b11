/**
 * One call to a provider: from the request in the pool to exactly one settlement, with the text handed
 * out as it comes. Times itself (connection, first byte, silence), since undici's timers are coarse and
 * the openai package has none after the headers.
 */
import type { Dispatcher, Pool } from 'undici'
import { LlmFailure } from '../ports/llm.ts'
import type { LlmRequest, LlmResult, ToolCallDelta } from '../ports/llm.ts'
import { failureOf, providerError } from './openai-failures.ts'
import { ChatBody } from './openai-stream.ts'

const MAX_ERROR_BYTES = 64 * 1024
const MAX_RETRY_AFTER_MS = 600_000
/** A server that leaves its answer open after the last word loses the connection after this time. */
const CLOSING_MS = 1_000

type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler['onResponseStart']>>[2]

/** What becomes of the answer's connection: torn, given a moment to end, or it has ended already. */
type Then = 'tear' | 'closing' | 'closed'

export class OpenAiCall implements Dispatcher.DispatchHandler {
  readonly #request: LlmRequest
  readonly #signal: AbortSignal
  readonly #body: ChatBody
  readonly #settled = Promise.withResolvers<LlmResult>()
  #over = false
  #controller: Dispatcher.DispatchController | undefined
  #timer: NodeJS.Timeout | undefined
  #status = 0
  #headers: Headers = {}
  #firstByte = false
  #error: Buffer[] | undefined
  #errorBytes = 0

  constructor(
    request: LlmRequest,
    onText: (text: string) => void,
    signal: AbortSignal,
    onToolCall: (delta: ToolCallDelta) => void = () => undefined,
  ) {
    this.#request = request
    this.#signal = signal
    this.#body = new ChatBody(onText, onToolCall)
  }

  run(pool: Pool, options: Dispatcher.DispatchOptions): Promise<LlmResult> {
    this.#signal.addEventListener('abort', this.#aborted)
    this.#wait(this.#request.timeouts.connectMs, () =>
      this.#fail('unreachable', { retry: true, detail: 'no connection in time' }),
    )
    try {
      pool.dispatch(options, this)
    } catch (error) {
      this.onResponseError(undefined, error)
    }
    return this.#settled.promise
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // Given up while the connection was being made: nothing is sent.
    if (this.#over) return controller.abort(new Error('given up'))
    this.#wait(this.#request.timeouts.firstByteMs, () =>
      this.#fail('timeout', { detail: 'no first byte in time' }),
    )
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Headers): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    if (status === 200) return
    const error: Buffer[] = []
    this.#error = error
    this.#wait(this.#request.timeouts.betweenChunksMs, () => this.#refused(error))
  }

  onResponseData(_: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#over) return
    if (this.#error) return this.#errorData(this.#error, bytes)
    try {
      this.#body.push(bytes)
    } catch (error) {
      return this.#end(() => this.#settled.reject(error), 'tear')
    }
    if (this.#over) return
    if (this.#body.done) this.#finish('closing')
    else if (this.#body.trouble) this.#finish('tear')
    else if (this.#firstByte) this.#timer?.refresh()
    else if (this.#body.begun) {
      // Of an answer: comments alone, which keep a connection open, do not extend the wait for it.
      this.#firstByte = true
      this.#wait(this.#request.timeouts.betweenChunksMs, this.#stalled)
    }
  }

  onResponseEnd(): void {
    if (this.#over) return clearTimeout(this.#timer)
    if (this.#error) return this.#refused(this.#error)
    try {
      this.#body.end()
    } catch (error) {
      return this.#end(() => this.#settled.reject(error), 'closed')
    }
    this.#finish('closed')
  }

  onResponseError(_: unknown, error: unknown): void {
    if (this.#over) return clearTimeout(this.#timer)
    const code = codeOf(error)
    const detail = this.#status === 0 ? `connection: ${code}` : `broke off: ${code}`
    if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED') return this.#fail('aborted')
    if (this.#error) return this.#refused(this.#error)
    if (this.#status !== 0) return this.#brokeOff(detail)
    if (
      code.startsWith('HPE_') ||
      code === 'HTTPParserError' ||
      code === 'UND_ERR_HEADERS_OVERFLOW'
    )
      return this.#fail('nonsense', { detail })
    return this.#fail('unreachable', { retry: code !== 'UND_ERR_INVALID_ARG', detail })
  }

  readonly #aborted = (): void => this.#fail('aborted')
  readonly #stalled = (): void => {
    if (this.#body.finishReason === undefined)
      this.#fail('timeout', { detail: 'nothing more came in time' })
    else this.#finish('tear')
  }

  #wait(ms: number, then: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(then, ms)
  }

  #errorData(error: Buffer[], bytes: Buffer): void {
    this.#errorBytes += bytes.length
    if (this.#errorBytes > MAX_ERROR_BYTES) return this.#refused(error)
    error.push(bytes)
  }

  #refused(pieces: Buffer[]): void {
    const error = providerError(this.#status, jsonOf(Buffer.concat(pieces).toString('utf8')))
    const retryAfterMs = retryAfterOf(this.#headers)
    const final = this.#headers['x-should-retry'] === 'false' ? { retry: false } : {}
    const failure = failureOf(error, this.#request.target.apiKey, { retryAfterMs, ...final })
    this.#end(() => this.#settled.reject(failure), 'tear')
  }

  /** The connection broke under an answer. It is whole all the same when its finish_reason had come. */
  #brokeOff(detail: string): void {
    if (this.#body.finishReason !== undefined) this.#finish('tear')
    else this.#fail('cut_off', { retry: !this.#body.begun, detail })
  }

  #finish(then: Then): void {
    const { trouble, finishReason, text, toolCalls, usage } = this.#body
    if (trouble && 'error' in trouble) {
      const failure = failureOf(trouble.error, this.#request.target.apiKey, {
        firstByte: this.#body.begun,
        text,
        toolCalls,
        usage,
      })
      return this.#end(() => this.#settled.reject(failure), then)
    }
    if (trouble) return this.#fail(trouble.reason, { detail: trouble.detail })
    if (finishReason === undefined)
      return this.#fail('cut_off', { detail: 'ended without a finish_reason' })
    const providerRequestId = requestIdOf(this.#headers)
    const answer = { text, toolCalls, finishReason, usage, providerRequestId }
    this.#end(() => this.#settled.resolve(answer), then)
  }

  #fail(reason: LlmFailure['reason'], so: { retry?: boolean; detail?: string } = {}): void {
    const { text, toolCalls, usage } = this.#body
    // Bytes that are no part of an answer keep nobody from asking another model.
    const firstByte = this.#body.begun
    const failure = new LlmFailure(reason, { ...so, firstByte, text, toolCalls, usage })
    this.#end(() => this.#settled.reject(failure), 'tear')
  }

  #end(settle: () => void, then: Then): void {
    if (this.#over) return
    this.#over = true
    // A caller who gives up inside onText hears nothing more, though more may have arrived.
    this.#body.done = true
    clearTimeout(this.#timer)
    this.#signal.removeEventListener('abort', this.#aborted)
    settle()
    if (then === 'tear') this.#controller?.abort(new Error('given up'))
    if (then === 'closing')
      this.#wait(CLOSING_MS, () => this.#controller?.abort(new Error('given up')))
  }
}

/** The parser's errors have a name only. Messages are left alone: they quote the provider's bytes. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function requestIdOf(headers: Headers): string | undefined {
  const id = headers['x-request-id']
  return typeof id === 'string' && id !== '' ? id.slice(0, 128) : undefined
}

/** In milliseconds, in seconds, or as a date. More than ten minutes is taken as ten minutes. */
function retryAfterOf(headers: Headers): number | undefined {
  const given = headers['retry-after-ms'] ?? headers['retry-after']
  if (typeof given !== 'string') return undefined
  const number = Number(given)
  const seconds = headers['retry-after-ms'] === undefined ? 1_000 : 1
  const ms = Number.isNaN(number) ? Date.parse(given) - Date.now() : number * seconds
  return Number.isFinite(ms) ? Math.min(Math.max(0, Math.round(ms)), MAX_RETRY_AFTER_MS) : undefined
}
