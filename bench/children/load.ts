/**
 * A load generator on bare sockets, so that it costs less than what it asks: each connection sends a
 * prepared request, waits for the whole answer and sends the next. `########` in a request becomes a
 * number of the same length.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { answering } from './answer.ts'

export interface Load {
  readonly port: number
  /** Whole HTTP requests; connection n sends request n modulo their count. */
  readonly requests: readonly string[]
  readonly connections: number
  /** Ends after so many milliseconds… */
  readonly ms?: number
  /** …or after so many requests of each connection. */
  readonly each?: number
  /** Milliseconds between the starts of two connections, and between two requests of one. */
  readonly apart?: number
  readonly pause?: number
}
export interface Loaded {
  readonly perSecond: number
  readonly done: number
  /** Answers other than 2xx, streams without their end, broken connections. */
  readonly failed: number
  readonly firstFailure: string | undefined
  /** Milliseconds to the first byte of the body, and to its end. */
  readonly first: { readonly p50: number; readonly p99: number }
  readonly whole: { readonly p50: number; readonly p99: number }
}

interface Answered {
  readonly status: number
  readonly firstMs: number
  readonly wholeMs: number
  readonly stream: boolean
  readonly tail: string
}

const END_OF_CHUNKS = '0\r\n\r\n'
const TAIL = 2_000

class Connection {
  readonly #port: number
  #socket: Socket | undefined
  #onData: ((piece: string) => void) | undefined
  #onClose: (() => void) | undefined

  constructor(port: number) {
    this.#port = port
  }

  async ask(request: string): Promise<Answered> {
    const socket = this.#socket ?? (await this.#open())
    const begun = performance.now()
    return new Promise((resolve, reject) => {
      let head = ''
      let body = ''
      let length = -1
      let received = 0
      let status = 0
      let firstMs = 0
      const finish = () => {
        this.#onData = undefined
        this.#onClose = undefined
        const stream = /content-type: *text\/event-stream/i.test(head)
        resolve({ status, firstMs, wholeMs: performance.now() - begun, stream, tail: body })
      }
      this.#onClose = () => {
        if (status !== 0 && length < 0) finish()
        else reject(new Error('the connection was closed before the answer'))
      }
      this.#onData = (piece) => {
        let rest = piece
        if (status === 0) {
          head += piece
          const end = head.indexOf('\r\n\r\n')
          if (end < 0) return
          rest = head.slice(end + 4)
          head = head.slice(0, end)
          status = Number(head.slice(9, 12))
          length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? -1)
          if (status === 204) length = 0
        }
        received += rest.length
        body = body === '' ? rest : (body + rest).slice(-TAIL)
        // A comment or bare headers are not yet an answer.
        if (firstMs === 0 && (length >= 0 || body.includes('data:')))
          firstMs = performance.now() - begun
        if (length >= 0 ? received >= length : body.endsWith(END_OF_CHUNKS)) finish()
      }
      socket.write(request, 'latin1')
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #open(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
      socket.setEncoding('latin1')
      socket.once('error', reject)
      socket.once('connect', () => resolve((this.#socket = socket)))
      socket.on('data', (piece: string) => this.#onData?.(piece))
      socket.on('close', () => {
        this.#socket = undefined
        this.#onClose?.()
      })
    })
  }
}

/** A stream is whole only with its end: [DONE] of a provider, `done` of ours. */
const failed = ({ status, stream, tail }: Answered): boolean =>
  status < 200 ||
  status > 299 ||
  (stream && !tail.includes('data: [DONE]') && !tail.includes('event: done'))

async function run(load: Load): Promise<Loaded> {
  const first: number[] = []
  const whole: number[] = []
  let failures = 0
  let firstFailure: string | undefined
  let number = 0
  const begun = performance.now()
  const end = begun + (load.ms ?? Number.POSITIVE_INFINITY)
  await Promise.all(
    Array.from({ length: load.connections }, async (_, index) => {
      if (load.apart) await delay(load.apart * index)
      const connection = new Connection(load.port)
      const template = load.requests[index % load.requests.length] ?? ''
      for (let n = 0; n < (load.each ?? Infinity) && performance.now() < end; n++) {
        const text = template.replace('########', String(number++).padStart(8, '0'))
        try {
          const answer = await connection.ask(text)
          first.push(answer.firstMs)
          whole.push(answer.wholeMs)
          if (failed(answer)) {
            failures++
            firstFailure ??= `${answer.status} ${answer.tail.slice(-400)}`
          }
        } catch (error) {
          failures++
          firstFailure ??= String(error)
          await delay(10)
        }
        if (load.pause) await delay(load.pause)
      }
      connection.close()
    }),
  )
  const seconds = (performance.now() - begun) / 1_000
  return {
    perSecond: whole.length / seconds,
    done: whole.length,
    failed: failures,
    firstFailure,
    first: spread(first),
    whole: spread(whole),
  }
}

function spread(values: number[]): { p50: number; p99: number } {
  values.sort((a, b) => a - b)
  const at = (part: number) =>
    values[Math.min(values.length - 1, Math.floor(values.length * part))] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
}

answering(run)
