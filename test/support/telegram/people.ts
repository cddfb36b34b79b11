/** Whoever writes to the bot: updates as Telegram makes them of what a person does. */
import type { BotMessage, Update } from './server.ts'

export interface PersonOptions {
  readonly id?: number
  readonly first_name?: string
  readonly username?: string
  readonly language_code?: string
  /** Writes in this group instead of the private chat. */
  readonly group?: number
}

export interface TelegramPerson {
  readonly id: number
  /** Where they write. */
  readonly chatId: number
  /** The update that it made. */
  say(text: string): Update
  /** Presses the button of the bot's last message whose label holds this. */
  press(label: string): Update
  /** Presses a button that nothing here has shown. */
  pressOn(data: string): Update
  /** Blocks the bot, or takes it back. */
  block(blocked?: boolean): Update
}

export interface PeopleOf {
  readonly botId: string
  readonly username: string
  readonly give: (update: Update) => void
  readonly messages: readonly BotMessage[]
  readonly now: () => Date
}

export function createPeople({ botId, username, give, messages, now: clock }: PeopleOf) {
  let updateId = 870_000_000
  let messageId = 1
  let personId = 5_000_000_000
  let last: Update | undefined

  const made = (what: object): Update => {
    last = { update_id: updateId++, ...what }
    give(last)
    return last
  }
  const now = () => Math.floor(clock().getTime() / 1_000)

  function person(options: PersonOptions = {}): TelegramPerson {
    const { id = personId++, first_name = 'Ann', group, ...rest } = options
    const from = { id, is_bot: false, first_name, language_code: 'en', ...rest }
    const chat =
      group === undefined
        ? { id, type: 'private', first_name }
        : { id: group, type: 'supergroup', title: 'A group' }
    const pressed = (data: string, messageOf: number, text: string) =>
      made({
        callback_query: {
          id: `${updateId}77`,
          from,
          chat_instance: '1',
          data,
          message: { message_id: messageOf, chat, date: now(), text },
        },
      })
    return {
      id,
      chatId: chat.id,
      say: (text) =>
        made({
          message: {
            message_id: messageId++,
            from,
            chat,
            date: now(),
            text,
            ...entitiesOf(text),
          },
        }),
      press(label) {
        const shown = messages.filter(({ chatId }) => chatId === String(chat.id))
        const message = shown.findLast(({ buttons }) => buttons.length > 0)
        const button = message?.buttons.find(({ text }) => text.includes(label))
        if (!message || button?.callback_data === undefined)
          throw new Error(`there is no button ${label}`)
        return pressed(button.callback_data, message.messageId, message.text)
      },
      pressOn: (data) => pressed(data, 1, ''),
      block: (blocked = true) =>
        made({
          my_chat_member: {
            chat,
            from,
            date: now(),
            old_chat_member: { user: bot, status: blocked ? 'member' : 'kicked' },
            new_chat_member: { user: bot, status: blocked ? 'kicked' : 'member' },
          },
        }),
    }
  }
  const bot = { id: Number(botId), is_bot: true, first_name: 'Daybook', username }

  return { person, last: () => last }
}

/** Telegram marks commands itself. */
function entitiesOf(text: string) {
  const command = /^\/[a-zA-Z0-9_]{1,32}(@\w+)?/.exec(text)?.[0]
  if (command === undefined) return {}
  return { entities: [{ type: 'bot_command', offset: 0, length: command.length }] }
}
