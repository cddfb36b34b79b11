/**
 * Telegram's Bot API as far as the bot uses it, on 127.0.0.1: it keeps chats, gives updates to whoever asks
 * or sends them to a webhook, and refuses what Telegram refuses (empty, overlong or unchanged texts, a second
 * poller, a wrong token). It misbehaves on command. Nothing of Daybook's code runs in it.
 *
 *   const telegram = await startTelegram()
 *   const ann = telegram.person({ first_name: 'Ann' })
 *   ann.say('/start'); await telegram.said(ann.id, 1)
 *   telegram.misbehave('sendMessage', { status: 429, retryAfter: 1 }, { lost: true })
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createDelivery } from './delivery.ts'
import { Answer, createMethods, type Payload } from './methods.ts'
import { createPeople, type PersonOptions, type TelegramPerson } from './people.ts'

export type Update = Readonly<Record<string, unknown>> & { readonly update_id: number }

/** What the next call of a method does instead of what it should. */
export interface Misbehaviour {
  /** Refused with this status. */
  readonly status?: number
  readonly description?: string
  /** Seconds, with a 429. */
  readonly retryAfter?: number
  /** Done, but the connection is torn before the answer. */
  readonly lost?: true
  /** Held until it resolves. */
  readonly until?: Promise<void>
}

/** A message of the bot. */
export interface BotMessage {
  readonly chatId: string
  readonly messageId: number
  /** As it stands now. */
  text: string
  /** Everything it has said, the first text included. */
  readonly texts: string[]
  buttons: readonly { readonly text: string; readonly callback_data?: string; url?: string }[]
  replyTo: number | undefined
}

export interface Called {
  readonly method: string
  readonly payload: Payload
  readonly at: number
}

export interface TelegramServer {
  /** For TELEGRAM_API_URL. */
  readonly url: string
  readonly token: string
  readonly botId: string
  readonly username: string
  /** Every message of the bot, in order. */
  readonly messages: readonly BotMessage[]
  readonly calls: readonly Called[]
  readonly menus: ReadonlyMap<string, readonly Payload[]>
  readonly webhook: { readonly url: string; readonly secret: string | undefined } | undefined
  /** What the webhook answered, in order. */
  readonly delivered: readonly number[]
  /** Somebody with a private chat. */
  person(options?: PersonOptions): TelegramPerson
  /** Hands over an update as it is, however often and in whatever order. */
  push(...updates: readonly Update[]): void
  /** The last update that was made. */
  readonly last: Update | undefined
  /** Updates are made but kept back, until `letGo` hands them over in the order it is given. */
  hold(): void
  letGo(order?: (held: readonly Update[]) => readonly Update[]): void
  misbehave(method: string, ...what: Misbehaviour[]): void
  /** Texts of the bot in a chat, as they stand. */
  texts(chatId: string | number): string[]
  /** Resolves when the bot has said `count` messages in a chat; answers them. */
  said(chatId: string | number, count: number): Promise<readonly BotMessage[]>
  /** Resolves when it holds, looked at after each call. */
  until(holds: () => boolean): Promise<void>
  close(): Promise<void>
}

const TOKEN = '123456789:TEST-token_for-the-stand-in-AAAAAAAAAA'

export async function startTelegram({
  token = TOKEN,
  now = () => new Date(),
} = {}): Promise<TelegramServer> {
  const botId = token.split(':', 1)[0] ?? ''
  const username = 'daybook_test_bot'
  const messages: BotMessage[] = []
  const calls: Called[] = []
  const planned = new Map<string, Misbehaviour[]>()
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of waiting) look()
  }
  const delivery = createDelivery(wake)
  const methods = createMethods({ messages, delivery, botId, username })
  const people = createPeople({
    botId,
    username,
    give: (update) => delivery.give(update),
    messages,
    now,
  })

  async function call(method: string, payload: Payload, response: ServerResponse) {
    calls.push({ method, payload, at: performance.now() })
    wake()
    const wrong = planned.get(method)?.shift()
    await wrong?.until
    if (wrong?.status !== undefined) {
      const { status, retryAfter, description = `planned ${status}` } = wrong
      send(response, status, {
        ok: false,
        error_code: status,
        description,
        ...(retryAfter === undefined ? {} : { parameters: { retry_after: retryAfter } }),
      })
      return wake()
    }
    try {
      const gone = new AbortController()
      response.once('close', () => gone.abort())
      const result = await methods.call(method, payload, gone.signal)
      if (wrong?.lost) response.socket?.resetAndDestroy()
      else send(response, 200, { ok: true, result })
    } catch (error) {
      if (!(error instanceof Answer)) throw error
      const { status, message } = error
      send(response, status, { ok: false, error_code: status, description: message })
    }
    return wake()
  }

  const server = createServer((request, response) => {
    const [, given = '', method = ''] = /^\/bot([^/]+)\/(\w+)$/.exec(request.url ?? '') ?? []
    if (given !== token) {
      const description = 'Unauthorized'
      return send(response, 401, { ok: false, error_code: 401, description })
    }
    readBody(request)
      .then((payload) => call(method, payload, response))
      .catch((error: unknown) => response.destroy(error as Error))
    return undefined
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo

  const inChat = (chatId: string | number) =>
    messages.filter((message) => message.chatId === String(chatId))
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look)
        const seen = messages.map(({ chatId, text }) => `${chatId}: ${text}`).join('\n')
        reject(new Error(`it did not come to that within 10 s; the bot said:\n${seen}`))
      }, 10_000)
      function look() {
        if (!holds()) return
        clearTimeout(timer)
        waiting.delete(look)
        resolve()
      }
      waiting.add(look)
      look()
    })

  return {
    url: `http://127.0.0.1:${port}`,
    token,
    botId,
    username,
    messages,
    calls,
    menus: methods.menus,
    get webhook() {
      return delivery.webhook
    },
    delivered: delivery.delivered,
    person: (options) => people.person(options),
    push: (...updates) => {
      for (const update of updates) delivery.give(update)
    },
    get last() {
      return people.last()
    },
    hold: () => delivery.hold(),
    letGo: (order) => delivery.letGo(order),
    misbehave(method, ...what) {
      planned.set(method, [...(planned.get(method) ?? []), ...what])
    },
    texts: (chatId) => inChat(chatId).map(({ text }) => text),
    async said(chatId, count) {
      await until(() => inChat(chatId).length >= count)
      return inChat(chatId)
    },
    until,
    async close() {
      delivery.close()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

async function readBody(request: IncomingMessage): Promise<Payload> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const text = Buffer.concat(pieces).toString('utf8')
  return (text === '' ? {} : JSON.parse(text)) as Payload
}

function send(response: ServerResponse, status: number, body: unknown): void {
  if (response.destroyed) return
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
