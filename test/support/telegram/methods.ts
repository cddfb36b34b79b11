/** The methods of the Bot API that the bot calls, with the refusals that matter to it. */
import type { Delivery } from './delivery.ts'
import type { BotMessage } from './server.ts'

export type Payload = Readonly<Record<string, unknown>>

/** What a method refuses with. */
export class Answer extends Error {
  readonly status: number
  constructor(status: number, description: string) {
    super(description)
    this.status = status
  }
}

const refused = (description: string) => new Answer(400, `Bad Request: ${description}`)

export interface MethodsOf {
  readonly messages: BotMessage[]
  readonly delivery: Delivery
  readonly botId: string
  readonly username: string
}

export function createMethods({ messages, delivery, botId, username }: MethodsOf) {
  const menus = new Map<string, readonly Payload[]>()
  const languageOf = ({ language_code: language }: Payload) =>
    typeof language === 'string' ? language : ''

  const methods: Readonly<Record<string, (payload: Payload, gone: AbortSignal) => unknown>> = {
    getMe: () => ({ id: Number(botId), is_bot: true, first_name: 'Daybook', username }),
    getUpdates: (payload, gone) => delivery.take(payload, gone),
    setWebhook({ url, secret_token: secret }) {
      if (typeof url !== 'string') throw refused('bad webhook')
      delivery.setWebhook({ url, secret: typeof secret === 'string' ? secret : undefined })
      return true
    },
    deleteWebhook() {
      delivery.setWebhook(undefined)
      return true
    },
    sendMessage(payload) {
      const text = checkedText(payload)
      const message: BotMessage = {
        chatId: String(payload['chat_id']),
        messageId: messages.length + 1_000,
        text,
        texts: [text],
        buttons: checkedButtons(payload),
        replyTo: (payload['reply_parameters'] as { message_id?: number } | undefined)?.message_id,
      }
      messages.push(message)
      return shown(message)
    },
    editMessageText(payload) {
      const text = checkedText(payload)
      const message = messages.find(
        ({ chatId, messageId }) =>
          chatId === String(payload['chat_id']) && messageId === payload['message_id'],
      )
      if (!message) throw refused('message to edit not found')
      const buttons = checkedButtons(payload)
      if (message.text === text && buttons.length === message.buttons.length)
        throw refused('message is not modified')
      message.text = text
      message.texts.push(text)
      message.buttons = buttons
      return shown(message)
    },
    sendChatAction: () => true,
    answerCallbackQuery: () => true,
    getMyCommands: (payload) => menus.get(languageOf(payload)) ?? [],
    setMyCommands(payload) {
      menus.set(languageOf(payload), payload['commands'] as readonly Payload[])
      return true
    },
  }

  return {
    menus,
    async call(method: string, payload: Payload, gone: AbortSignal): Promise<unknown> {
      const known = methods[method]
      if (!known) throw new Answer(404, 'Not Found')
      return known(payload, gone)
    },
  }
}

function checkedText({ text, parse_mode: mode }: Payload): string {
  if (mode !== undefined) throw refused("can't parse entities")
  if (typeof text !== 'string' || text.trim() === '') throw refused('message text is empty')
  if (!text.isWellFormed()) throw refused('strings must be encoded in UTF-8')
  if (text.length > 4096) throw refused('message is too long')
  return text
}

function checkedButtons({ reply_markup: markup }: Payload): BotMessage['buttons'] {
  const rows = (markup as { inline_keyboard?: BotMessage['buttons'][] } | undefined)
    ?.inline_keyboard
  const buttons = rows?.flat() ?? []
  for (const { text, callback_data: data } of buttons)
    if (text === '' || Buffer.byteLength(data ?? '') > 64) throw refused('BUTTON_DATA_INVALID')
  return buttons
}

const shown = ({ chatId, messageId, text }: BotMessage) => ({
  message_id: messageId,
  chat: { id: Number(chatId) },
  text,
})
