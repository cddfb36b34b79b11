/**
 * Linking by the bot: a signed-in person gets a code and opens the bot by it (`/start link_<code>`). The bot
 * says whose account it is, and the Telegram account that then agrees becomes theirs. The code names the
 * person, so it is good for them alone; it links once, also after the link was undone.
 */
import { Refusal } from '../../../domain/refusal.ts'
import { type User, type UserState, user } from '../../../domain/user/user.ts'
import type { Root } from '../../context.ts'
import type { Deps } from '../../deps.ts'
import { proveSelf, type Self } from '../prove-self.ts'
import { codeRoot, makeCode, namedBy, readCode } from './code.ts'
import type { TelegramProfile } from './enter-by-telegram.ts'
import { linkTelegram } from './link-telegram.ts'

export interface LinkCode {
  readonly code: string
  readonly expiresAt: string
}

/**
 * @throws Refusal telegram_off, telegram_already_linked, and what proveSelf throws: who has the code may
 *   get in by it later.
 */
export async function askForLinkCode(deps: Deps, root: Root, self: Self): Promise<LinkCode> {
  if (!deps.settings.telegramLogin) throw new Refusal('telegram_off')
  const { userId } = self
  await proveSelf(deps, self, root.at)
  const { state: person } = await deps.streams.load(user, userId)
  if (person?.telegram) throw new Refusal('telegram_already_linked')
  const holds = passwordOf(person)
  const code = makeCode(deps, 'link', userId, root, holds)
  return { code, expiresAt: readCode(deps, 'link', code, root.at, holds).expiresAt }
}

/** A new password ends the codes that were made before: whoever had the old one may have made them. */
const passwordOf = (person: UserState): string => `/${person?.passwordVersion ?? 0}`

/**
 * Whose account a code would link to, before anybody agrees. Changes nothing; whoever calls counts the tries.
 * @throws Refusal token_unusable
 */
export async function lookAtLinkCode(
  deps: Pick<Deps, 'streams' | 'sealer' | 'ids'>,
  code: string,
  at: string,
): Promise<User> {
  const { state: person } = await deps.streams.load(user, namedBy(code))
  readCode(deps, 'link', code, at, passwordOf(person))
  if (!person?.active) throw new Refusal('token_unusable')
  return person
}

/**
 * What the bot does when somebody agrees to a code. Whoever calls counts the tries.
 * @param root of the update
 * @throws Refusal token_unusable, and what linkTelegram throws
 */
export async function linkByCode(
  deps: Deps,
  root: Root,
  code: string,
  profile: TelegramProfile,
): Promise<{ userId: string; position: bigint | undefined }> {
  const { state: person } = await deps.streams.load(user, namedBy(code))
  const { userId } = readCode(deps, 'link', code, root.at, passwordOf(person))
  const { position } = await linkTelegram(deps, codeRoot(deps, code, root), userId, profile)
  return { userId, position }
}
