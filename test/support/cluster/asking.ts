/** One request to a process of the cluster, and everything that came of it. */
import type { Asked } from '../servers.ts'
import { headersOf } from '../servers.ts'

/** Whoever waits longer for an answer than any call may last is told that it hangs. */
const HANGS_MS = 90_000

export interface Tried {
  /** Name of the process that was asked. */
  readonly to: string
  readonly begunAt: number
  readonly ms: number
  /** Of a stream: of the problem that ended it. undefined: no whole answer has come. */
  readonly status: number | undefined
  readonly hung: boolean
  readonly retryAfter: string | undefined
  readonly etag: string | undefined
  readonly position: bigint | undefined
  readonly text: string
}

export async function tryOnce(
  { name, url }: { readonly name: string; readonly url: string },
  asked: Asked,
): Promise<Tried> {
  const [method = '', path = ''] = asked.line.split(' ')
  const begunAt = performance.now()
  const base = { to: name, begunAt }
  try {
    const response = await fetch(url + path, {
      method,
      headers: headersOf(asked),
      signal: AbortSignal.timeout(HANGS_MS),
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    })
    const text = await response.text()
    const { headers } = response
    const position = headers.get('x-position')
    return {
      ...base,
      ms: performance.now() - begunAt,
      status: isStream(headers) ? statusOfStream(text) : response.status,
      hung: false,
      // The problem of a stream comes without headers of its own.
      retryAfter: isStream(headers) ? '1' : (headers.get('retry-after') ?? undefined),
      etag: headers.get('etag') ?? undefined,
      position: position === null ? undefined : BigInt(position),
      text,
    }
  } catch (error) {
    const hung = error instanceof Error && error.name === 'TimeoutError'
    const nothing = { retryAfter: undefined, etag: undefined, position: undefined, text: '' }
    return { ...base, ms: performance.now() - begunAt, status: undefined, hung, ...nothing }
  }
}

const isStream = (headers: Headers): boolean =>
  headers.get('content-type')?.startsWith('text/event-stream') === true

function statusOfStream(text: string): number | undefined {
  if (doneOf(text) !== undefined) return 200
  const problem = /^event: error\ndata: (.*)$/m.exec(text)?.[1]
  return problem === undefined ? undefined : (JSON.parse(problem) as { status: number }).status
}

/** The document with which a stream ended well. */
export const doneOf = (text: string): string | undefined =>
  /^event: done\ndata: (.*)$/m.exec(text)?.[1]

/** The text that the deltas of a stream put together. */
export const deltasOf = (text: string): string =>
  [...text.matchAll(/^event: delta\ndata: (.*)$/gm)]
    .map(([, data = '']) => (JSON.parse(data) as { text: string }).text)
    .join('')
