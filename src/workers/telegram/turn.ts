/**
 * One update being handled: who wrote what and where, and how the bot speaks there. Before each message
 * it is asked whether the bot may still write in this chat: /stop holds at once, also in mid-answer.
 */
import type { AccessRule, UserActor } from '../../commands/access.ts'
import { authorize } from '../../commands/access.ts'
import { admitRequest } from '../../commands/admission/admit-request.ts'
import type { Root } from '../../commands/context.ts'
import type { DenialRecorder } from '../../commands/denial/record-denials.ts'
import type { Deps } from '../../commands/deps.ts'
import { actingPerson, type Member } from '../../commands/telegram/acting-person.ts'
import { type ChatPlace, loadChat } from '../../commands/telegram/chat-state.ts'
import { SESSION, updateRoot } from '../../commands/telegram/receive-update.ts'
import type { SeenUpdate } from '../../commands/telegram/seen-update.ts'
import type { TelegramProfile } from '../../commands/user/telegram/enter-by-telegram.ts'
import type { TelegramUpdate } from '../../domain/telegram-update/telegram-update.ts'
import type { UpdateOutcome } from '../../domain/telegram-update/events.ts'
import type { User } from '../../domain/user/user.ts'
import { type BotMessages, botMessagesFor } from '../../messages/bot/index.ts'
import { localeFrom, messagesFor } from '../../messages/index.ts'
import type { Messages } from '../../messages/messages.ts'
import type { ChatChannel, MessageOptions } from '../../ports/chat-channel.ts'
import { plainText, splitText } from './split-text.ts'

export interface BotDeps extends Deps {
  readonly chat: ChatChannel
  readonly denials: Pick<DenialRecorder, 'record'>
}

export interface Turn {
  readonly deps: BotDeps
  /** Of the update's stream. */
  readonly id: string
  readonly update: SeenUpdate
  readonly place: ChatPlace
  readonly senderKey: string
  /** undefined: nobody here. */
  readonly person: User | undefined
  readonly root: Root
  readonly texts: BotMessages
  readonly messages: Messages
  /** What a command answers with, when it has said what there is to say. */
  say(text: string, options?: MessageOptions): Promise<UpdateOutcome>
  /** undefined: the bot may not write here now. */
  write(text: string, options?: MessageOptions): Promise<number | undefined>
  mayWrite(): Promise<boolean>
}

type ReceivedFields = Pick<TelegramUpdate['received'], 'senderKey' | keyof ChatPlace>

export function turnOf(
  deps: BotDeps,
  id: string,
  received: ReceivedFields,
  update: SeenUpdate,
  person: User | undefined,
): Turn {
  const { botId, chatKey, updateId, saidAt, senderKey } = received
  const place = { botId, chatKey, updateId, saidAt }
  const locale = person?.locale ?? localeFrom(update.sender.language)
  const replyTo = update.chat.kind === 'group' ? update.messageId : undefined
  const mayWrite = async () => (await loadChat(deps, place)).voice === 'free'

  async function write(text: string, options: MessageOptions = {}): Promise<number | undefined> {
    if (!(await mayWrite())) return undefined
    const first = replyTo === undefined ? options : { replyTo, ...options }
    return deps.chat.send(update.chat.id, text, first)
  }

  return {
    deps,
    id,
    update,
    place,
    senderKey,
    person,
    root: updateRoot(deps, id, person),
    texts: botMessagesFor(locale),
    messages: messagesFor(locale),
    mayWrite,
    write,
    async say(text, options = {}) {
      const parts = splitText(plainText(text))
      for (const [index, part] of parts.entries()) {
        const said = await write(part, index === parts.length - 1 ? options : {})
        if (said === undefined) return 'silent'
      }
      return 'answered'
    },
  }
}

/** The same update, of somebody who is known by now. */
export const turnFor = ({ deps, id, place, senderKey, update }: Turn, person: User): Turn =>
  turnOf(deps, id, { ...place, senderKey }, update, person)

/**
 * Whoever writes, as somebody who may do this: the same decision as at every other door.
 * @throws Refusal user_deactivated, organization_not_found, forbidden, policy_denied, rate_limited
 */
export async function admitted(turn: Turn, person: User, rule: AccessRule): Promise<Member> {
  const { deps, place, senderKey } = turn
  const { organizations } = await loadChat(deps, place)
  const actor = await actingPerson(deps, person, organizations.get(senderKey)?.id)
  await admitActor(turn, actor, rule)
  return actor
}

/** The person, in no organization. */
export const actorOf = ({ userId, locale }: User): UserActor => ({
  kind: 'user',
  userId,
  sessionId: SESSION,
  locale,
  administrator: false,
})

export const profileOf = ({ id, username, name }: SeenUpdate['sender']): TelegramProfile => ({
  telegramId: id,
  ...(username === undefined ? {} : { username }),
  ...(name === undefined ? {} : { name }),
})

export async function admitActor(
  { deps, root, senderKey }: Turn,
  actor: UserActor | { readonly kind: 'anonymous'; readonly locale: string },
  access: AccessRule,
): Promise<void> {
  authorize(actor, access)
  // A Telegram account is where it comes from, as an address is elsewhere.
  const ip = `telegram/${senderKey}`
  await admitRequest(deps, { requestId: root.id, actor, access, ip })
}
