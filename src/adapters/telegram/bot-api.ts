/**
 * The Bot API by grammY's client. What Telegram asks for is done here: its pace, and its waits (429). The
 * token stands in every address that is called, so no error of the client leaves this file: what does is
 * made here, and says only the method and what Telegram answered.
 */
import { autoRetry } from '@grammyjs/auto-retry'
import { Api, GrammyError, HttpError } from 'grammy'
import {
  type Button,
  type ChatChannel,
  ChatCallRefused,
  ChatUnreachable,
  type MessageOptions,
} from '../../ports/chat-channel.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { createPace, type Pace } from './pace.ts'

export interface BotApiOptions {
  readonly token: string
  readonly apiRoot: string
  readonly pace?: Pace
}

const PACE: Pace = { privateMs: 1_000, groupMs: 3_000 }
/** One try; a question for updates waits longer than any other call. */
const TRY_WITHIN_SECONDS = 40
const CALL_WITHIN_MS = 15_000
/** Waits that Telegram asks for, at most so often and so long; beyond that the job comes back later. */
const MAX_WAITS = 3
const LONGEST_WAIT_SECONDS = 30
/** Beside what is waited for updates. */
const ANSWER_WITHIN_MS = 10_000
/** What we react to; everything else is not even sent to us. */
const UPDATES = ['message', 'callback_query', 'my_chat_member'] as const

export function createBotApi({ token, apiRoot, pace = PACE }: BotApiOptions): ChatChannel {
  const api = new Api(token, { apiRoot, timeoutSeconds: TRY_WITHIN_SECONDS })
  api.config.use(
    autoRetry({
      maxRetryAttempts: MAX_WAITS,
      maxDelaySeconds: LONGEST_WAIT_SECONDS,
      // A message whose answer was lost may have arrived: whoever sends decides.
      rethrowInternalServerErrors: true,
      rethrowHttpErrors: true,
    }),
  )
  const chats = createPace(pace)
  let name: Promise<string> | undefined
  const botId = token.split(':', 1)[0] ?? ''

  const inChat = <T>(chatId: string, method: string, call: (signal: Signal) => Promise<T>) =>
    chats.inTurn(chatId, () => within(method, CALL_WITHIN_MS, call))

  return {
    botId,
    username() {
      name ??= within('getMe', CALL_WITHIN_MS, (signal) => api.getMe(signal)).then(
        (me) => me.username,
        (error: unknown) => {
          name = undefined
          throw error
        },
      )
      return name
    },
    updates: ({ after, waitSeconds, signal }) =>
      within(
        'getUpdates',
        waitSeconds * 1_000 + ANSWER_WITHIN_MS,
        (until) =>
          api.getUpdates(
            {
              timeout: waitSeconds,
              allowed_updates: [...UPDATES],
              ...(after === undefined ? {} : { offset: after + 1 }),
            },
            until,
          ),
        signal,
      ),
    async deliverTo(webhook) {
      await within('setWebhook', CALL_WITHIN_MS, (signal) =>
        webhook
          ? api.setWebhook(
              webhook.url,
              { secret_token: webhook.secret, allowed_updates: [...UPDATES] },
              signal,
            )
          : api.deleteWebhook({}, signal),
      )
    },
    async send(chatId, text, options) {
      const sent = await inChat(chatId, 'sendMessage', (signal) =>
        api.sendMessage(chatId, text, shaped(options), signal),
      )
      return sent.message_id
    },
    async edit(chatId, messageId, text, options) {
      try {
        await inChat(chatId, 'editMessageText', (signal) =>
          api.editMessageText(chatId, messageId, text, shaped(options), signal),
        )
      } catch (error) {
        if (!(error instanceof ChatCallRefused && isNoChange(error.message))) throw error
      }
    },
    async typing(chatId) {
      await within('sendChatAction', CALL_WITHIN_MS, (signal) =>
        api.sendChatAction(chatId, 'typing', {}, signal),
      )
    },
    async answerButton(pressId) {
      await within('answerCallbackQuery', CALL_WITHIN_MS, (signal) =>
        api.answerCallbackQuery(pressId, {}, signal),
      )
    },
    menu: (language) =>
      within('getMyCommands', CALL_WITHIN_MS, (signal) =>
        api.getMyCommands(inLanguage(language), signal),
      ),
    async setMenu(language, entries) {
      await within('setMyCommands', CALL_WITHIN_MS, (signal) =>
        api.setMyCommands([...entries], inLanguage(language), signal),
      )
    },
  }
}

/** grammY's own name for what every AbortSignal is. */
type Signal = NonNullable<Parameters<Api['getMe']>[0]>

const inLanguage = (language: string | undefined) =>
  language === undefined ? {} : { language_code: language as 'en' }

/** Waits for Telegram, its 429s included, but not for ever. */
async function within<T>(
  method: string,
  ms: number,
  call: (signal: Signal) => Promise<T>,
  stop?: AbortSignal,
): Promise<T> {
  const limit = AbortSignal.timeout(ms + MAX_WAITS * LONGEST_WAIT_SECONDS * 1_000)
  const signal = stop ? AbortSignal.any([limit, stop]) : limit
  try {
    return await call(signal as unknown as Signal)
  } catch (error) {
    throw ownError(method, error)
  }
}

function ownError(method: string, error: unknown): Error {
  if (error instanceof GrammyError) {
    const { error_code: status, description, parameters } = error
    if (status === 403 || isGone(description)) return new ChatUnreachable()
    if (status === 429)
      return new Unavailable('Telegram', undefined, (parameters.retry_after ?? 30) * 1_000)
    if (status >= 500) return new Unavailable('Telegram')
    return new ChatCallRefused(method, status, description)
  }
  // Its cause names the address, and the address holds the token.
  if (error instanceof HttpError) return new Unavailable('Telegram')
  return new Unavailable('Telegram')
}

const isGone = (description: string): boolean =>
  /chat not found|user is deactivated|bot was kicked|not a member|PEER_ID_INVALID|have no rights to send/i.test(
    description,
  )
const isNoChange = (text: string): boolean =>
  /message is not modified|message to edit not found|message can't be edited/i.test(text)

function shaped({ buttons, replyTo }: MessageOptions = {}) {
  return {
    // A link in an answer is not opened for a picture of it.
    link_preview_options: { is_disabled: true },
    ...(buttons
      ? { reply_markup: { inline_keyboard: buttons.map((row) => row.map(shapedButton)) } }
      : {}),
    ...(replyTo === undefined
      ? {}
      : { reply_parameters: { message_id: replyTo, allow_sending_without_reply: true } }),
  }
}

const shapedButton = (button: Button) =>
  'url' in button
    ? { text: button.label, url: button.url }
    : { text: button.label, callback_data: button.data }
