/**
 * A practice Paddle: the calls of Paddle's API that we use, over HTTP on 127.0.0.1, with a page to pay on
 * and notifications that are signed and sent. It takes no money and knows no real customer. For the demo,
 * for the tests and for whoever integrates; faults on command.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PracticeAccount } from './account.ts'
import { type BooksOptions, PracticeRefusal } from './books.ts'
import { Delivery, type Receiver } from './delivery.ts'
import { payPage } from './pay-page.ts'
import { type Asked, type Reply, replyTo } from './routes.ts'

/**
 * What the next call meets: an answer of Paddle's in trouble · lost: it is done, and the answer never
 * comes · torn: the connection breaks before anything is done · silent: nothing is done, nothing comes.
 */
export type Fault =
  | { readonly status: number; readonly retryAfter?: number; readonly code?: string }
  | 'lost'
  | 'torn'
  | 'silent'

export interface PracticePaddleOptions extends Partial<
  Pick<BooksOptions, 'now' | 'taxMillionths'>
> {
  readonly prices: BooksOptions['prices']
  readonly apiKey?: string
  readonly port?: number
  readonly receiver?: Receiver
  /** false: the account has no default payment link. */
  readonly paymentLink?: boolean
}

export interface PracticePaddle {
  /** For PADDLE_API_URL. */
  readonly url: string
  readonly apiKey: string
  readonly account: PracticeAccount
  readonly delivery: Delivery
  /** Every call of the API, as it came. */
  readonly asked: readonly Asked[]
  /** For the next calls that `of` accepts, in order. */
  fault(faults: readonly Fault[], of?: (asked: Asked) => boolean): void
  clearFaults(): void
  /** Resolves when a call that `of` accepts has come, from now on. */
  met(of: (asked: Asked) => boolean): Promise<void>
  /** Breaks every open connection. */
  cut(): void
  /** Who gets the notifications from now on. */
  sendTo(receiver: Receiver | undefined): void
  close(): Promise<void>
}

const MAX_BODY = 1024 * 1024

export async function startPracticePaddle(options: PracticePaddleOptions): Promise<PracticePaddle> {
  const { apiKey = 'pdl_practice_apikey_0123456789', now = () => new Date() } = options
  const delivery = new Delivery(options.receiver)
  let url = ''
  const account = new PracticeAccount({
    ...options,
    now,
    payPage: () => (options.paymentLink === false ? null : `${url}/pay`),
    onNotification: (notification) => delivery.take(notification),
  })
  const asked: Asked[] = []
  const faults: { readonly fault: Fault; readonly of: (asked: Asked) => boolean }[] = []
  const waiting = new Set<(asked: Asked) => void>()
  let receiver = options.receiver

  function faultFor(one: Asked): Fault | undefined {
    const at = faults.findIndex(({ of }) => of(one))
    return at < 0 ? undefined : faults.splice(at, 1)[0]?.fault
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const one = await askedOf(request)
    if (one.path === '/pay') return payPage(account, one, response)
    asked.push(one)
    for (const look of waiting) look(one)
    const fault = faultFor(one)
    if (fault === 'silent') return
    if (fault === 'torn') return void response.destroy()
    if (typeof fault === 'object') return answer(response, troubled(fault))
    const allowed = request.headers.authorization === `Bearer ${apiKey}`
    const reply = allowed ? attempt(account, one, receiver) : refused(403, 'forbidden')
    if (fault === 'lost') return void response.destroy()
    answer(response, reply)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    apiKey,
    account,
    delivery,
    asked,
    fault(list, of = () => true) {
      for (const fault of list) faults.push({ fault, of })
    },
    clearFaults: () => void faults.splice(0),
    met: (of) =>
      new Promise((resolve) => {
        const look = (one: Asked) => {
          if (!of(one)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
      }),
    cut: () => server.closeAllConnections(),
    sendTo(to) {
      receiver = to
      delivery.sendTo(to)
    },
    async close() {
      await delivery.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function askedOf(request: IncomingMessage): Promise<Asked> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > MAX_BODY) throw new Error('too large')
    pieces.push(piece)
  }
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://practice')
  const text = Buffer.concat(pieces).toString('utf8')
  return { method: request.method ?? 'GET', path: pathname, query: searchParams, text }
}

function attempt(account: PracticeAccount, one: Asked, receiver: Receiver | undefined): Reply {
  try {
    return replyTo(account, one, receiver)
  } catch (error) {
    if (error instanceof PracticeRefusal) return refused(error.status, error.code)
    if (error instanceof SyntaxError) return refused(400, 'bad_request')
    throw error
  }
}

const refused = (status: number, code: string): Reply => ({
  status,
  body: {
    error: { type: status >= 500 ? 'api_error' : 'request_error', code, detail: 'Practice.' },
    meta: { request_id: 'practice' },
  },
})

const troubled = ({ status, retryAfter, code }: Exclude<Fault, string>): Reply => ({
  ...refused(status, code ?? (status === 429 ? 'too_many_requests' : 'internal_error')),
  ...(retryAfter === undefined ? {} : { headers: { 'retry-after': String(retryAfter) } }),
})

function answer(response: ServerResponse, { status, body, headers = {} }: Reply): void {
  const text = JSON.stringify(body)
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
}
