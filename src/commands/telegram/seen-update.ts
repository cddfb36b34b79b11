/**
 * What the bot keeps of an update while it is handled: who, where, and the words. Whatever else Telegram
 * tells of people, pictures and places is dropped before anything is stored.
 */
import { z } from 'zod'

export interface SeenUpdate {
  readonly updateId: number
  readonly kind: 'message' | 'button' | 'membership'
  readonly chat: { readonly id: string; readonly kind: 'private' | 'group' }
  readonly sender: {
    readonly id: string
    readonly username?: string
    readonly name?: string
    /** As their Telegram speaks. */
    readonly language?: string
  }
  /** ISO, from Telegram's own second; of a pressed button there is none. */
  readonly saidAt?: string
  readonly messageId?: number
  /** undefined where something else than a text was sent. */
  readonly text?: string
  /** UTF-16 units of the command at the text's beginning. */
  readonly commandLength?: number
  /** The press of a button, and what it says. */
  readonly pressId?: string
  readonly data?: string
  /** Whether the bot may write after it. */
  readonly member?: boolean
}

export const seenUpdateSchema = z.object({
  updateId: z.int(),
  kind: z.enum(['message', 'button', 'membership']),
  chat: z.object({ id: z.string(), kind: z.enum(['private', 'group']) }),
  sender: z.object({
    id: z.string(),
    username: z.exactOptional(z.string()),
    name: z.exactOptional(z.string()),
    language: z.exactOptional(z.string()),
  }),
  saidAt: z.exactOptional(z.string()),
  messageId: z.exactOptional(z.int()),
  text: z.exactOptional(z.string()),
  commandLength: z.exactOptional(z.int()),
  pressId: z.exactOptional(z.string()),
  data: z.exactOptional(z.string()),
  member: z.exactOptional(z.boolean()),
})

const id = z.int().transform(String)
const from = z.object({
  id,
  is_bot: z.boolean().optional(),
  first_name: z.string().optional(),
  last_name: z.string().optional(),
  username: z.string().optional(),
  language_code: z.string().optional(),
})
const chat = z.object({ id, type: z.string() })
const second = z.int().nonnegative().max(253_402_300_799)
const message = z.object({
  message_id: z.int(),
  from: from.optional(),
  /** In the name of a channel or group: `from` is then somebody made up, the same for many. */
  sender_chat: z.unknown().optional(),
  chat,
  date: second,
  text: z.string().optional(),
  entities: z
    .array(z.object({ type: z.string(), offset: z.int(), length: z.int() }))
    .max(1_000)
    .optional(),
})
const telegramUpdate = z.object({
  update_id: z.int().nonnegative(),
  message: message.optional(),
  callback_query: z
    .object({
      id: z.string().min(1).max(128),
      from,
      data: z.string().max(256).optional(),
      message: z.object({ chat, message_id: z.int() }).optional(),
    })
    .optional(),
  my_chat_member: z
    .object({ chat, from, date: second, new_chat_member: z.object({ status: z.string() }) })
    .optional(),
})
type TelegramUpdate = z.output<typeof telegramUpdate>

/** No message that Telegram takes is longer. */
const MAX_TEXT = 40_000

/** undefined: nothing that the bot reacts to, or nothing that it can read. */
export function seenUpdate(raw: unknown): SeenUpdate | undefined {
  const { data: update } = telegramUpdate.safeParse(raw)
  if (!update) return undefined
  return fromMessage(update) ?? fromButton(update) ?? fromMembership(update)
}

function fromMessage({ update_id: updateId, message: said }: TelegramUpdate) {
  const where = said && placeOf(said.chat)
  if (!said?.from || said.from.is_bot || said.sender_chat !== undefined || !where) return undefined
  const { text, entities = [] } = said
  const command = entities.find(({ type, offset }) => type === 'bot_command' && offset === 0)
  // In a group nothing but commands is for the bot, whatever else Telegram shows it.
  if (where.kind === 'group' && !command) return undefined
  return {
    updateId,
    kind: 'message',
    chat: where,
    sender: senderOf(said.from),
    saidAt: instantOf(said.date),
    messageId: said.message_id,
    ...(text === undefined ? {} : { text: text.slice(0, MAX_TEXT).toWellFormed() }),
    ...(command ? { commandLength: command.length } : {}),
  } as const
}

function fromButton({ update_id: updateId, callback_query: press }: TelegramUpdate) {
  const where = press?.message && placeOf(press.message.chat)
  if (!press || !where) return undefined
  const { id: pressId, data = '' } = press
  return {
    updateId,
    kind: 'button',
    chat: where,
    sender: senderOf(press.from),
    pressId,
    data,
  } as const
}

/** Blocked or thrown out, or back again. */
function fromMembership({ update_id: updateId, my_chat_member: change }: TelegramUpdate) {
  const where = change && placeOf(change.chat)
  if (!change || !where) return undefined
  return {
    updateId,
    kind: 'membership',
    chat: where,
    sender: senderOf(change.from),
    saidAt: instantOf(change.date),
    member: !['kicked', 'left'].includes(change.new_chat_member.status),
  } as const
}

function placeOf({ id: chatId, type }: { id: string; type: string }) {
  if (type === 'private') return { id: chatId, kind: 'private' } as const
  return type === 'group' || type === 'supergroup'
    ? ({ id: chatId, kind: 'group' } as const)
    : undefined
}

function senderOf({
  id: senderId,
  username,
  first_name,
  last_name,
  language_code,
}: z.output<typeof from>) {
  const name = [first_name, last_name].filter(Boolean).join(' ').slice(0, 128).toWellFormed().trim()
  return {
    id: senderId,
    ...(username === undefined ? {} : { username: username.slice(0, 64).toWellFormed() }),
    ...(name === '' ? {} : { name }),
    ...(language_code === undefined ? {} : { language: language_code.slice(0, 16) }),
  }
}

const instantOf = (seconds: number): string => new Date(seconds * 1_000).toISOString()

export interface WrittenCommand {
  /** Lower case, without slash; '' for none. */
  readonly name: string
  /** The bot it is meant for, where it names one. */
  readonly to: string | undefined
  /** What follows it. */
  readonly rest: string
}

/** A text without a command is one called ''. */
export function commandOf({ text = '', commandLength = 0 }: SeenUpdate): WrittenCommand {
  const [name = '', to] = text.slice(1, commandLength).split('@', 2)
  return { name: name.toLowerCase(), to, rest: text.slice(commandLength).trim() }
}

/** Cancels and stops are not kept waiting behind the answer that they are about. */
export const isUrgent = (update: SeenUpdate): boolean =>
  update.kind === 'membership' || ['cancel', 'stop'].includes(commandOf(update).name)
