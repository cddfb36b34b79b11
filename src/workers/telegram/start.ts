/** /start: makes or finds the person, and does what the link says that it came by. */
import type { AccessRule } from '../../commands/access.ts'
import { acceptByLink, assertGoodInvitation } from '../../commands/telegram/accept-by-link.ts'
import { changeChat } from '../../commands/telegram/chat-state.ts'
import { readPayload } from '../../commands/telegram/start-payload.ts'
import {
  enterByTelegram,
  type TelegramProfile,
} from '../../commands/user/telegram/enter-by-telegram.ts'
import { linkByCode } from '../../commands/user/telegram/link-code.ts'
import { organization } from '../../domain/organization/organization.ts'
import { isErased } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { UpdateOutcome } from '../../domain/telegram-update/events.ts'
import { user } from '../../domain/user/user.ts'
import { name } from '../../messages/format.ts'
import { localeFrom } from '../../messages/index.ts'
import { admitActor, type Turn, turnFor } from './turn.ts'

const RULE: AccessRule = {
  actor: 'anyone',
  resource: 'session',
  action: 'register',
  limits: ['request'],
}
/** Codes let people in: whoever tries some is slowed down as at a sign-in. */
const BY_CODE: AccessRule = { ...RULE, limits: ['login'] }

export interface Started {
  readonly outcome: UpdateOutcome
  readonly userId: string | undefined
}

export async function start(turn: Turn, payload: string): Promise<Started> {
  const { deps, root, place, update } = turn
  await changeChat(deps, root, place, { type: 'StartChat' })
  const asked = readPayload(payload)
  const isTry = asked.kind === 'link' || asked.kind === 'invitation'
  await admitActor(turn, { kind: 'anonymous', locale: 'en' }, isTry ? BY_CODE : RULE)
  const { id: telegramId, username, name: called, language } = update.sender
  const profile = {
    telegramId,
    ...(username === undefined ? {} : { username }),
    ...(called === undefined ? {} : { name: called }),
  }
  if (asked.kind === 'link') return link(turn, asked.code, profile)
  if (asked.kind === 'invitation' && !turn.person)
    await assertGoodInvitation(deps, root, asked.token)
  const { user: person, created } = await enterByTelegram(deps, root, {
    ...profile,
    locale: localeFrom(language),
    invited: asked.kind === 'invitation',
  })
  const known = turnFor(turn, person)
  if (asked.kind === 'invitation')
    return { outcome: await join(known, asked.token), userId: person.userId }
  if (asked.kind === 'unknown') {
    await known.say(known.texts.linkUnknown)
    return { outcome: 'refused', userId: person.userId }
  }
  const outcome = await known.say(created ? known.texts.welcome : known.texts.welcomeBack)
  return { outcome, userId: person.userId }
}

/** What the other person may do about it is no business of whoever shows the code. */
async function link(turn: Turn, code: string, profile: TelegramProfile): Promise<Started> {
  const { deps, root, texts, update } = turn
  try {
    const { userId } = await linkByCode(deps, root, code, profile)
    const { state: person } = await deps.streams.load(user, userId)
    const known = person ? turnFor(turn, person) : turn
    // Whoever holds the account now may read it; a group may not.
    const isTheirs = person && !person.provisional && update.chat.kind === 'private'
    const email = isTheirs && !isErased(person.email) ? person.email : undefined
    const outcome = await known.say(known.texts.linked(email))
    return { outcome, userId }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const taken = error.code === 'telegram_taken'
    await turn.say(taken ? texts.linkTaken : texts.linkUnknown)
    return { outcome: 'refused', userId: turn.person?.userId }
  }
}

async function join(turn: Turn, token: string): Promise<UpdateOutcome> {
  const { deps, root, place, senderKey, person, texts } = turn
  if (!person) throw new Refusal('user_not_found')
  const { orgId } = await acceptByLink(deps, root, person, token)
  await changeChat(deps, root, place, { type: 'SelectOrganization', senderKey, orgId })
  const { state } = await deps.streams.load(organization, orgId)
  const called = state && !isErased(state.name) ? name(state.name) : undefined
  return turn.say(texts.joined(called))
}
