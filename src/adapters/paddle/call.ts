/**
 * One request to Paddle's API: the key goes to the configured origin and nowhere else, no redirect is
 * followed, the time is bounded, and a 429 keeps every next request back for as long as Paddle asked.
 * A failure carries the status and Paddle's code; its texts, which speak of the seller's account, are
 * never read.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Dispatcher, Pool } from 'undici'
import { z } from 'zod'
import { PaymentProviderFailure } from '../../ports/payment-provider.ts'

export interface PaddleAccess {
  /** Without a path: `https://sandbox-api.paddle.com`. */
  readonly baseUrl: string
  readonly apiKey: string
  readonly timeouts?: { readonly connectMs?: number; readonly answerMs?: number }
}

export interface PaddleRequest<T> {
  readonly method: 'GET' | 'POST' | 'PATCH'
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly answer: z.ZodType<T>
  /** These answers mean that there is no such thing. */
  readonly none?: readonly number[]
}

export interface PaddleCalls {
  call<T>(request: PaddleRequest<T>): Promise<T | undefined>
  close(): Promise<void>
}

const CONNECT_MS = 2_000
const ANSWER_MS = 10_000
const MAX_ANSWER_BYTES = 8 * 1024 * 1024
/** The detail of a failure: there is more in the answer than is taken. */
export const TOO_LARGE = 'connection: UND_ERR_RES_EXCEEDED_MAX_SIZE'
const MAX_RETRY_AFTER_MS = 10 * 60_000
/** Refused before anything was sent: nothing can have happened. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'])

const errorBody = z.looseObject({ error: z.looseObject({ code: z.string() }) })

export function createPaddleCalls(access: PaddleAccess): PaddleCalls {
  const { connectMs = CONNECT_MS, answerMs = ANSWER_MS } = access.timeouts ?? {}
  const { origin } = new URL(access.baseUrl)
  let pool: Pool | undefined
  let quietUntil = 0

  async function poolOf(): Promise<Pool> {
    const undici = await import('undici')
    pool ??= new undici.Pool(origin, {
      connect: { timeout: connectMs },
      connections: 8,
      headersTimeout: answerMs,
      bodyTimeout: answerMs,
      maxResponseSize: MAX_ANSWER_BYTES,
    })
    return pool
  }

  async function send(
    request: PaddleRequest<unknown>,
  ): Promise<{ status: number; headers: Dispatcher.ResponseData['headers']; text: string }> {
    const changes = request.method !== 'GET'
    try {
      const sent = (await poolOf()).request({
        method: request.method,
        path: request.path,
        ...(request.query ? { query: { ...request.query } } : {}),
        headers: headersOf(access.apiKey, request.body !== undefined),
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal: AbortSignal.timeout(answerMs),
      })
      const { statusCode, headers, body } = await bounded(sent, answerMs)
      return { status: statusCode, headers, text: await body.text() }
    } catch (error) {
      const code = codeOf(error)
      const unknown = changes && !NOT_SENT.has(code)
      throw new PaymentProviderFailure('away', { unknown, detail: `connection: ${code}` })
    }
  }

  return {
    async call(request) {
      const wait = quietUntil - performance.now()
      if (wait > 0)
        throw new PaymentProviderFailure('busy', { retryAfterMs: Math.ceil(wait), detail: '429' })
      const { status, headers, text } = await send(request)
      if (request.none?.includes(status)) return undefined
      if (status === 429) {
        const retryAfterMs = retryAfterOf(headers['retry-after'])
        quietUntil = performance.now() + retryAfterMs
        throw new PaymentProviderFailure('busy', { retryAfterMs, detail: 'HTTP 429' })
      }
      if (status < 200 || status >= 300) throw failureOf(status, text, request.method !== 'GET')
      const answer = request.answer.safeParse(jsonOf(text))
      if (answer.success) return answer.data
      const detail = `HTTP ${status}, answer not understood`
      throw new PaymentProviderFailure('away', { unknown: request.method !== 'GET', detail })
    },
    async close() {
      await pool?.destroy()
    },
  }
}

const headersOf = (apiKey: string, json: boolean): Record<string, string> => ({
  authorization: `Bearer ${apiKey}`,
  'paddle-version': '1',
  accept: 'application/json',
  'user-agent': 'daybook',
  ...(json ? { 'content-type': 'application/json' } : {}),
})

/** undici's timers are coarse: whatever they say, nobody waits much longer. */
async function bounded<T>(answer: Promise<T>, ms: number): Promise<T> {
  const over = new AbortController()
  const late = delay(ms + 500, undefined, { signal: over.signal }).then(() => {
    throw Object.assign(new Error('late'), { code: 'TIMEOUT' })
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    over.abort()
    late.catch(() => undefined)
    answer.catch(() => undefined)
  }
}

function failureOf(status: number, text: string, changes: boolean): PaymentProviderFailure {
  const parsed = errorBody.safeParse(jsonOf(text))
  const code = parsed.success ? parsed.data.error.code : ''
  const detail = /^[a-z0-9_]{1,80}$/.test(code) ? `HTTP ${status}, ${code}` : `HTTP ${status}`
  if (status >= 500 || status < 400)
    return new PaymentProviderFailure('away', { unknown: changes && status >= 500, detail })
  if (status === 401 || status === 403) return new PaymentProviderFailure('denied', { detail })
  return new PaymentProviderFailure('refused', { detail })
}

/** In seconds, or as a date. */
function retryAfterOf(given: string | string[] | undefined): number {
  const text = typeof given === 'string' ? given : '60'
  const ms = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(1_000, ms), MAX_RETRY_AFTER_MS) : 60_000
}

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
