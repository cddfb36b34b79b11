/**
 * One update from its words to its end: command | reply | handled. Repeated at any point it changes nothing
 * twice; only the reply may be said again. It ends whatever happens, but for what is away for a while:
 * then it stays for the next try, and everything behind it in its chat waits.
 */
import { isDenial } from '../../commands/denial/record-denials.ts'
import { changeChat } from '../../commands/telegram/chat-state.ts'
import { endTelegramUpdate, type UpdateEnd } from '../../commands/telegram/end-update.ts'
import { readUpdate } from '../../commands/telegram/receive-update.ts'
import { findUserByTelegram } from '../../commands/user/telegram/find-user-by-telegram.ts'
import { Refusal } from '../../domain/refusal.ts'
import {
  type TelegramUpdate,
  telegramUpdate,
} from '../../domain/telegram-update/telegram-update.ts'
import { ChatUnreachable } from '../../ports/chat-channel.ts'
import { Unavailable } from '../../ports/unavailable.ts'
import { converse, type Done, handledAs } from './conversation.ts'
import { refusalText } from './refusal-text.ts'
import { type BotDeps, type Turn, turnOf } from './turn.ts'

export async function handleUpdate(deps: BotDeps, id: string): Promise<void> {
  const { state } = await deps.streams.load(telegramUpdate, id)
  if (!state || state.handled) return
  await endTelegramUpdate(deps, id, await effectOf(deps, id, state))
}

/** @throws Unavailable alone: whatever else breaks is the end of this update, not of its chat. */
async function effectOf(deps: BotDeps, id: string, state: TelegramUpdate): Promise<UpdateEnd> {
  try {
    const update = await readUpdate(deps, state)
    if (!update) return { handledAs: 'unknown', outcome: 'expired' }
    const person = await findUserByTelegram(deps, update.sender.id)
    const turn = turnOf(deps, id, state.received, update, person)
    const as = handledAs(turn)
    return { handledAs: as, userId: person?.userId, ...(await attempt(turn)) }
  } catch (error) {
    if (error instanceof Unavailable) throw error
    deps.logger.error({ update: id, error }, 'an update of Telegram could not be handled')
    return { handledAs: 'unknown', outcome: 'failed' }
  }
}

async function attempt(turn: Turn): Promise<Done> {
  const { deps, root, place, update } = turn
  try {
    if (update.kind !== 'membership') await changeChat(deps, root, place, { type: 'HearFromChat' })
    return await converse(turn)
  } catch (error) {
    return notDone(turn, error)
  }
}

/** @throws Unavailable: later */
async function notDone(turn: Turn, error: unknown): Promise<Done> {
  const { deps, root, place, messages } = turn
  if (error instanceof Unavailable) throw error
  if (error instanceof ChatUnreachable) {
    await changeChat(deps, root, place, { type: 'BlockChat' })
    return { outcome: 'unreachable' }
  }
  if (error instanceof Refusal) {
    denied(turn, error)
    return told(turn, refusalText(turn, error), 'refused')
  }
  deps.logger.error({ update: turn.id, error }, 'an update of Telegram could not be handled')
  const { title, detail } = messages.problems.internal
  return told(turn, `${title}. ${detail({})}`, 'failed')
}

/** Saying no may fail, too; the update ends all the same unless Telegram is away. */
async function told(turn: Turn, text: string, outcome: 'refused' | 'failed'): Promise<Done> {
  const { deps, root, place } = turn
  try {
    const said = await turn.say(text)
    return { outcome: said === 'answered' ? outcome : said }
  } catch (error) {
    if (error instanceof Unavailable) throw error
    if (error instanceof ChatUnreachable) {
      await changeChat(deps, root, place, { type: 'BlockChat' })
      return { outcome: 'unreachable' }
    }
    deps.logger.error({ update: turn.id, error }, 'nobody could be told')
    return { outcome: 'failed' }
  }
}

/** Who was refused what by which rule is written down, as at every door. */
function denied(turn: Turn, refusal: Refusal): void {
  if (!isDenial(refusal)) return
  const { deps, person } = turn
  const actor = person && {
    kind: 'user' as const,
    userId: person.userId,
    sessionId: 'telegram',
    locale: person.locale,
    administrator: false,
  }
  deps.denials.record({
    refusal,
    route: `/webhooks/telegram#${handledAs(turn)}`,
    method: 'POST',
    access: { resource: 'webhook', action: 'receive' },
    actor,
    at: deps.clock.now(),
  })
}
