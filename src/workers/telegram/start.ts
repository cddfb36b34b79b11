/** /start: makes or finds the person, and does what the link says that it came by. */
import type { AccessRule } from '../../commands/access.ts'
import { acceptByLink, assertGoodInvitation } from '../../commands/telegram/accept-by-link.ts'
import { changeChat } from '../../commands/telegram/chat-state.ts'
import { readPayload } from '../../commands/telegram/start-payload.ts'
import { enterByTelegram } from '../../commands/user/telegram/enter-by-telegram.ts'
import { organization } from '../../domain/organization/organization.ts'
import { isErased } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { UpdateOutcome } from '../../domain/telegram-update/events.ts'
import { name } from '../../messages/format.ts'
import { localeFrom } from '../../messages/index.ts'
import { BY_CODE, offerLink } from './link.ts'
import { admitActor, profileOf, type Turn, turnFor } from './turn.ts'

const RULE: AccessRule = {
  actor: 'anyone',
  resource: 'session',
  action: 'register',
  limits: ['request'],
}

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
  if (asked.kind === 'link') return offerLink(turn, asked.code)
  if (asked.kind === 'invitation' && !turn.person)
    await assertGoodInvitation(deps, root, asked.token)
  const { user: person, created } = await enterByTelegram(deps, root, {
    ...profileOf(update.sender),
    locale: localeFrom(update.sender.language),
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

async function join(turn: Turn, token: string): Promise<UpdateOutcome> {
  const { deps, root, place, senderKey, person, texts } = turn
  if (!person) throw new Refusal('user_not_found')
  const { orgId } = await acceptByLink(deps, root, person, token)
  await changeChat(deps, root, place, { type: 'SelectOrganization', senderKey, orgId })
  const { state } = await deps.streams.load(organization, orgId)
  const called = state && !isErased(state.name) ? name(state.name) : undefined
  return turn.say(texts.joined(called))
}
