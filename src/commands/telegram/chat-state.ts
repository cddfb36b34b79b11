/** What holds in a chat, and how it changes. Every change names the update that it comes from. */
import {
  type Said,
  type TelegramChat,
  telegramChat,
  type TelegramChatCommand,
} from '../../domain/telegram-chat/telegram-chat.ts'
import { telegramChatId } from '../../domain/telegram-update/telegram-update.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

export interface ChatPlace extends Said {
  readonly botId: string
  readonly chatKey: string
}

export const loadChat = async (
  { streams }: Pick<Deps, 'streams'>,
  { botId, chatKey }: Pick<ChatPlace, 'botId' | 'chatKey'>,
): Promise<TelegramChat> => (await streams.load(telegramChat, telegramChatId(botId, chatKey))).state

type Change = TelegramChatCommand extends infer C
  ? C extends TelegramChatCommand
    ? Omit<C, keyof ChatPlace | 'at'>
    : never
  : never

export async function changeChat(
  deps: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  { botId, chatKey, updateId, saidAt }: ChatPlace,
  change: Change,
): Promise<void> {
  await deps.streams.transact(
    telegramChat,
    telegramChatId(botId, chatKey),
    { botId, chatKey, updateId, saidAt, at: root.at, ...change } as TelegramChatCommand,
    step(deps.ids, root, `chat:${change.type}`),
  )
}
