/**
 * What somebody wrote to the bot, and what became of it: the stored contract. The words themselves are in
 * the content store, sealed, and go when the update has been handled; here is only where they lie.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { clear } from '../personal.ts'

/** The number in a bot's token: it stays the same when the token is replaced. */
export const botIdText = z.string().regex(/^\d{1,20}$/)
/** Keyed HMAC of a Telegram id, of a chat or of a person; in a private chat the two are the same. */
export const telegramKeyText = z.string().regex(/^[0-9a-f]{64}$/)

/** What somebody asked for: a command of the bot, a text for the agent, or a button that was pressed. */
export const botCommands = [
  'start',
  'register',
  'unlink',
  'locale',
  'organization',
  'agents',
  'ask',
  'balance',
  'usage',
  'cancel',
  'subscribe',
  'help',
  'stop',
] as const
export type BotCommand = (typeof botCommands)[number]
const handledAs = [...botCommands, 'text', 'button', 'membership', 'unknown'] as const
export type HandledAs = (typeof handledAs)[number]

export const updateOutcomes = [
  /** Done, and told. */
  'answered',
  /** It must not be; told why. */
  'refused',
  /** Nothing to do: not meant for the bot, or what nobody asks of it. */
  'ignored',
  /** Something broke here; told so. */
  'failed',
  /** Done as far as it went; Telegram takes no message for this chat. */
  'unreachable',
  /** The bot writes nothing here until /start. */
  'silent',
  /** Its words were gone before anybody could read them. */
  'expired',
] as const
export type UpdateOutcome = (typeof updateOutcomes)[number]

const botId = clear(botIdText)
const updateId = clear(z.int().nonnegative())
const chatKey = clear(telegramKeyText)

export const telegramUpdateEvents = {
  TelegramUpdateReceived: event('Somebody wrote to the bot, pressed a button or blocked it.', {
    botId,
    /** Telegram's number; together with `mark` the identity, since numbers begin anew after a quiet week. */
    updateId,
    /** Keyed digest of what the message is to Telegram: chat and number, or the press of the button. */
    mark: clear(z.string().regex(/^[0-9a-f]{16}$/)),
    kind: clear(z.enum(['message', 'button', 'membership'])),
    /** Handled at once, beside the others of its chat: /cancel and /stop. */
    urgent: clear(z.boolean()),
    chatKey,
    /** Of whoever wrote. */
    senderKey: chatKey,
    /** When Telegram says it was written. */
    saidAt: instant,
    /** Where the words lie, until it has been handled. */
    content: clear(
      z.strictObject({
        part: z.literal('update'),
        ref: z.string().min(1).max(300),
        digest: z.string().regex(/^[0-9a-f]{64}$/),
        size: z.int().nonnegative(),
      }),
    ),
    at: instant,
  }),
  TelegramUpdateHandled: event('It has had its one effect, and whoever wrote has been told.', {
    botId,
    updateId,
    chatKey,
    handledAs: clear(z.enum(handledAs)),
    outcome: clear(z.enum(updateOutcomes)),
    /** Whoever wrote, where they are somebody here. */
    userId: idField('user').optional(),
    at: instant,
  }),
}
export type TelegramUpdateEvent = EventsOf<typeof telegramUpdateEvents>
