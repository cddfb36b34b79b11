/**
 * What holds in one chat with the bot: the stored contract. No Telegram id, no name and no word is here;
 * who chose what is named by a keyed HMAC.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { clear } from '../personal.ts'
import { botIdText, telegramKeyText } from '../telegram-update/events.ts'

const botId = clear(botIdText)
const chatKey = clear(telegramKeyText)
/** Which update said so: a later one is never undone by an earlier one that arrives after it. */
const said = {
  updateId: clear(z.int().nonnegative()),
  saidAt: instant,
}

export const telegramChatEvents = {
  TelegramChatStarted: event('The bot may write here.', { botId, chatKey, ...said, at: instant }),
  TelegramChatStopped: event('The bot writes nothing here until /start.', {
    botId,
    chatKey,
    ...said,
    at: instant,
  }),
  TelegramChatBlocked: event('Telegram takes no message for this chat any more.', {
    botId,
    chatKey,
    ...said,
    at: instant,
  }),
  TelegramAgentSelected: event('What this person writes here goes to this agent.', {
    botId,
    chatKey,
    senderKey: chatKey,
    agentId: idField('agent'),
    ...said,
    at: instant,
  }),
  TelegramOrganizationSelected: event('What this person does here is done for this organization.', {
    botId,
    chatKey,
    senderKey: chatKey,
    orgId: idField('organization'),
    ...said,
    at: instant,
  }),
}
export type TelegramChatEvent = EventsOf<typeof telegramChatEvents>
