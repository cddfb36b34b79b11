/** What an update means: which command, of whom, and what is to be done. Knows no rules of its own. */
import { cancelInvocation } from '../../commands/invocation/cancel-invocation.ts'
import { loadCall } from '../../commands/invocation/flow.ts'
import { invocationIdOf } from '../../commands/invocation/invoke-agent.ts'
import { changeChat } from '../../commands/telegram/chat-state.ts'
import { updateRoot } from '../../commands/telegram/receive-update.ts'
import { commandOf } from '../../commands/telegram/seen-update.ts'
import {
  type BotCommand,
  botCommands,
  type HandledAs,
  type UpdateOutcome,
} from '../../domain/telegram-update/events.ts'
import { telegramChatId } from '../../domain/telegram-update/telegram-update.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { User } from '../../domain/user/user.ts'
import { unhandledIn } from '../../projections/unhandled-updates.ts'
import {
  balance,
  CHOOSE_LOCALE,
  CHOOSE_ORGANIZATION,
  CHOOSE_PLAN,
  chooseOrganization,
  choosePlan,
  help,
  listOrganizations,
  listPlans,
  locale,
  register,
  usage,
} from './account.ts'
import { agents, CHOOSE_AGENT, chooseAgent } from './agents.ts'
import { ask } from './ask.ts'
import { LINK, pressedLink, pressedUnlink, UNLINK, unlink } from './link.ts'
import { start } from './start.ts'
import { admitted, type Turn } from './turn.ts'

export interface Done {
  readonly outcome: UpdateOutcome
  readonly userId?: string | undefined
}

/** What is written down of it. */
export function handledAs({ update, deps }: Pick<Turn, 'update' | 'deps'>): HandledAs {
  if (update.kind !== 'message') return update.kind
  const { name } = commandOf(update)
  if (name === '') return 'text'
  const known = botCommands.find((one) => one === name)
  const offered = known !== 'subscribe' || deps.settings.telegramBot?.subscribe === true
  return known && offered ? known : 'unknown'
}

export async function converse(turn: Turn): Promise<Done> {
  const { update, person } = turn
  if (update.kind === 'membership') return membership(turn)
  if (update.kind === 'button') return pressed(turn)
  if (update.chat.kind === 'group' && !(await isForUs(turn))) return { outcome: 'ignored' }
  const what = handledAs(turn)
  const { rest } = commandOf(update)
  if (what === 'start') return start(turn, rest)
  if (what === 'stop') return { outcome: await stop(turn), userId: person?.userId }
  if (!(await turn.mayWrite())) return { outcome: 'silent', userId: person?.userId }
  if (what === 'help') return { outcome: await help(turn), userId: person?.userId }
  if (!person) return { outcome: await turn.say(turn.texts.startFirst) }
  return { outcome: await commanded(turn, person, what, rest), userId: person.userId }
}

/** In a group several bots hear the same commands: ours are those that name it. */
async function isForUs({ update, deps }: Turn): Promise<boolean> {
  const { to } = commandOf(update)
  return to !== undefined && to.toLowerCase() === (await deps.chat.username()).toLowerCase()
}

const commands: Readonly<
  Partial<Record<BotCommand, (turn: Turn, person: User, rest: string) => Promise<UpdateOutcome>>>
> = {
  register,
  unlink,
  locale,
  organization: listOrganizations,
  agents,
  ask,
  balance,
  usage,
  cancel,
  subscribe: listPlans,
}

async function commanded(
  turn: Turn,
  person: User,
  what: HandledAs,
  rest: string,
): Promise<UpdateOutcome> {
  const { texts, update } = turn
  if (what === 'text') {
    const question = update.text?.trim() ?? ''
    return question === '' ? turn.say(texts.onlyText) : ask(turn, person, question)
  }
  const run = Object.hasOwn(commands, what) ? commands[what as BotCommand] : undefined
  return run ? run(turn, person, rest) : turn.say(texts.unknownCommand)
}

const buttons: readonly [
  begins: string,
  run: (turn: Turn, person: User, chosen: string) => Promise<UpdateOutcome>,
][] = [
  [CHOOSE_AGENT, chooseAgent],
  [CHOOSE_LOCALE, locale],
  [CHOOSE_ORGANIZATION, chooseOrganization],
  [CHOOSE_PLAN, choosePlan],
  [UNLINK, pressedUnlink],
]

async function pressed(turn: Turn): Promise<Done> {
  const { update, deps, person, texts } = turn
  const { pressId, data = '' } = update
  const userId = person?.userId
  // The button waits for it, but not for long: nothing depends on it.
  if (pressId !== undefined) await deps.chat.answerButton(pressId).catch(() => undefined)
  if (!(await turn.mayWrite())) return { outcome: 'silent', userId }
  // Whoever links is nobody here yet.
  if (data.startsWith(LINK)) return pressedLink(turn, data.slice(LINK.length))
  // Pressed twice, or taken up again after a crash.
  const isUnlinked = !person && data.startsWith(UNLINK)
  if (!person) return { outcome: await turn.say(isUnlinked ? texts.unlink.done : texts.startFirst) }
  const found = buttons.find(([begins]) => data.startsWith(begins))
  // Programs press what no keyboard of ours has, or has any more.
  const offered = found?.[0] !== CHOOSE_PLAN || deps.settings.telegramBot?.subscribe === true
  if (!found || !offered) return { outcome: await turn.say(texts.oldButton), userId }
  const [begins, run] = found
  return { outcome: await run(turn, person, data.slice(begins.length)), userId }
}

async function membership(turn: Turn): Promise<Done> {
  const { deps, root, place, update, person } = turn
  const change = update.member ? 'HearFromChat' : 'BlockChat'
  await changeChat(deps, root, place, { type: change })
  return { outcome: 'answered', userId: person?.userId }
}

/** The last word before the silence. */
async function stop(turn: Turn): Promise<UpdateOutcome> {
  const { deps, root, place, update, texts } = turn
  const wasFree = await turn.mayWrite()
  await changeChat(deps, root, place, { type: 'StopChat' })
  if (!wasFree) return 'silent'
  await deps.chat.send(update.chat.id, texts.stopped)
  return 'answered'
}

const CANCEL = {
  actor: 'user',
  role: 'member',
  resource: 'invocation',
  action: 'cancel',
  limits: ['request'],
} as const

/** The calls of this person in this chat that run: each is known by the update that asked for it. */
async function cancel(turn: Turn, person: User): Promise<UpdateOutcome> {
  const { deps, place, root, senderKey, texts } = turn
  const actor = await admitted(turn, person, CANCEL)
  const asked = await unhandledIn(deps.views, telegramChatId(place.botId, place.chatKey))
  let canceled = 0
  for (const one of asked.filter((update) => update.senderKey === senderKey)) {
    const invocationId = invocationIdOf(deps, updateRoot(deps, one.id))
    const { accepted, end } = await loadCall(deps, invocationId)
    if (!accepted || end) continue
    try {
      await cancelInvocation(deps, actor, { ...root, orgId: actor.orgId }, invocationId)
      canceled++
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof Refusal && error.code === 'invocation_ended')) throw error
    }
  }
  return turn.say(canceled > 0 ? texts.cancel.done : texts.cancel.nothing)
}
