/**
 * Updates of Telegram that nobody has handled yet, by chat, in Telegram's order: where the bot's workers
 * look for work. Holds no words and no Telegram ids.
 */
import { parseStreamName } from '../domain/decider.ts'
import { telegramUpdateEvents } from '../domain/telegram-update/events.ts'
import { telegramChatId } from '../domain/telegram-update/telegram-update.ts'
import { type ProjectedEvent, projection } from './projection.ts'
import type { Views } from './views.ts'

export interface UnhandledUpdate {
  /** Of its stream. */
  readonly id: string
  readonly chat: string
  readonly updateId: number
  readonly senderKey: string
  /** 1: not kept waiting behind the others of its chat. */
  readonly urgent: 0 | 1
  readonly receivedAt: string
}

const keys = ({ stream }: Pick<ProjectedEvent, 'stream'>) => parseStreamName(stream).id

export const unhandledUpdates = projection<UnhandledUpdate, typeof telegramUpdateEvents>(
  telegramUpdateEvents,
  {
    name: 'unhandled-updates',
    version: 1,
    indexes: { chat: { equals: ['chat'], orderBy: 'updateId' } },
    on: {
      TelegramUpdateReceived: {
        keys,
        project: (_view, { stream, data }) => ({
          id: parseStreamName(stream).id,
          chat: telegramChatId(data.botId, data.chatKey),
          updateId: data.updateId,
          senderKey: data.senderKey,
          urgent: data.urgent ? 1 : 0,
          receivedAt: data.at,
        }),
      },
      TelegramUpdateHandled: { keys, project: () => undefined },
    },
  },
)

/** Of one chat, in order; more than this nobody writes while the bot is busy. */
const LOOK_AT = 200

export const unhandledIn = async (
  views: Views,
  chat: string,
): Promise<readonly UnhandledUpdate[]> =>
  (await views.find(unhandledUpdates, { index: 'chat', equals: { chat }, limit: LOOK_AT })).items
