/**
 * Linking and unlinking a Telegram account from its own side. Whoever made a link may have sent it to
 * somebody else, who would then ask in a stranger's account: so a link only shows whose account it is, and
 * nothing is linked before a press of a button, in a private chat. Whoever is linked may undo it here by
 * Telegram alone, since the password may be a stranger's.
 */
import type { AccessRule } from '../../commands/access.ts'
import { namedBy } from '../../commands/user/telegram/code.ts'
import { linkByCode, lookAtLinkCode } from '../../commands/user/telegram/link-code.ts'
import { unlinkTelegram } from '../../commands/user/telegram/unlink-telegram.ts'
import { isErased } from '../../domain/personal.ts'
import { Refusal, type RefusalCode } from '../../domain/refusal.ts'
import type { UpdateOutcome } from '../../domain/telegram-update/events.ts'
import { hasAnotherWayIn, type User, user } from '../../domain/user/user.ts'
import { actorOf, admitActor, profileOf, type Turn, turnFor } from './turn.ts'

/** With a code it has the 64 bytes that Telegram takes. */
export const LINK = 'link:'
export const UNLINK = 'unlink:'
const NO = 'no'

/** Codes let people in: whoever tries some is slowed down as at a sign-in. */
export const BY_CODE: AccessRule = {
  actor: 'anyone',
  resource: 'session',
  action: 'register',
  limits: ['login'],
}
/** As the person alone: no organization, and whoever rules it, has a say. */
const UNLINKING: AccessRule = {
  actor: 'user',
  resource: 'me',
  action: 'change',
  limits: ['request'],
}

export interface Linked {
  readonly outcome: UpdateOutcome
  readonly userId: string | undefined
}

/** Whose account it is, and whether it shall be linked. The caller counts the tries. */
export async function offerLink(turn: Turn, code: string): Promise<Linked> {
  const { deps, root, texts, update, person } = turn
  const userId = person?.userId
  if (!isPrivate(update)) return { outcome: await refused(turn, texts.link.notHere), userId }
  return orOver(turn, async () => {
    const owner = await lookAtLinkCode(deps, code, root.at)
    if (person) return linkedAlready(turn, person, owner.userId)
    if (owner.telegram) throw new Refusal('telegram_already_linked')
    const buttons = [
      [
        { label: texts.link.yes, data: `${LINK}${code}` },
        { label: texts.link.no, data: `${LINK}${NO}` },
      ],
    ]
    const card = texts.link.ask(addressOf(owner), owner.emailVerified)
    return { outcome: await turn.say(card, { buttons }), userId }
  })
}

export async function pressedLink(turn: Turn, chosen: string): Promise<Linked> {
  const { deps, root, texts, update, person } = turn
  const userId = person?.userId
  if (chosen === NO) return { outcome: await turn.say(texts.link.declined), userId }
  await admitActor(turn, { kind: 'anonymous', locale: 'en' }, BY_CODE)
  if (!isPrivate(update)) return { outcome: await refused(turn, texts.link.notHere), userId }
  return orOver(turn, async () => {
    if (person) return linkedAlready(turn, person, namedBy(chosen))
    const linked = await linkByCode(deps, root, chosen, profileOf(update.sender))
    const { state: owner } = await deps.streams.load(user, linked.userId)
    const known = owner ? turnFor(turn, owner) : turn
    const outcome = await known.say(known.texts.linked(owner && addressOf(owner)))
    return { outcome, userId: linked.userId }
  })
}

/** Pressed twice, or the link opened again; anybody else's stays theirs. */
async function linkedAlready(turn: Turn, person: User, wanted: string): Promise<Linked> {
  const { texts } = turn
  const { userId } = person
  if (userId === wanted) return { outcome: await turn.say(texts.linked(addressOf(person))), userId }
  return { outcome: await refused(turn, texts.linkTaken), userId }
}

/** What the other person may do about it is no business of whoever shows the code. */
const SAID_AS_OVER: readonly RefusalCode[] = [
  'token_unusable',
  'telegram_already_linked',
  'user_deactivated',
  'user_not_found',
]

async function orOver(turn: Turn, work: () => Promise<Linked>): Promise<Linked> {
  const { texts, person } = turn
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const taken = error.code === 'telegram_taken'
    if (!taken && !SAID_AS_OVER.includes(error.code)) throw error
    const outcome = await refused(turn, taken ? texts.linkTaken : texts.link.over)
    return { outcome, userId: person?.userId }
  }
}

/** undefined: made up, or erased. */
const addressOf = ({ email, provisional }: User): string | undefined =>
  provisional || isErased(email) ? undefined : email

export async function unlink(turn: Turn, person: User): Promise<UpdateOutcome> {
  const { texts, update } = turn
  await admitActor(turn, actorOf(person), UNLINKING)
  if (!isPrivate(update)) return refused(turn, texts.unlink.notHere)
  const { telegram } = person
  if (!telegram || !hasAnotherWayIn(person)) return refused(turn, texts.unlink.lastWayIn)
  const buttons = [
    [
      // A button of an earlier link undoes no later one.
      { label: texts.unlink.yes, data: `${UNLINK}${telegram.claimId}` },
      { label: texts.unlink.no, data: `${UNLINK}${NO}` },
    ],
  ]
  return turn.say(texts.unlink.ask(addressOf(person)), { buttons })
}

export async function pressedUnlink(
  turn: Turn,
  person: User,
  chosen: string,
): Promise<UpdateOutcome> {
  const { deps, root, texts, update } = turn
  await admitActor(turn, actorOf(person), UNLINKING)
  if (chosen === NO) return turn.say(texts.unlink.kept)
  if (!isPrivate(update)) return refused(turn, texts.unlink.notHere)
  if (person.telegram?.claimId !== chosen) return refused(turn, texts.oldButton)
  try {
    await unlinkTelegram(deps, root, person.userId)
  } catch (error) {
    if (!(error instanceof Refusal && error.code === 'last_way_in')) throw error
    return refused(turn, texts.unlink.lastWayIn)
  }
  return turn.say(texts.unlink.done)
}

/** Nobody writes, presses or reads there but the one. */
const isPrivate = ({ chat, sender }: Turn['update']): boolean =>
  chat.kind === 'private' && chat.id === sender.id

async function refused(turn: Turn, text: string): Promise<UpdateOutcome> {
  const said = await turn.say(text)
  return said === 'answered' ? 'refused' : said
}
