/**
 * Linking by the bot: a signed-in person gets a code, opens the bot by it (`/start link_<code>`), and the
 * Telegram account that sends it becomes theirs. The code names the person, so it is good for them alone;
 * it links once, also after the link was undone.
 */
import type { Root } from '../../context.ts'
import type { Deps } from '../../deps.ts'
import { codeRoot, makeCode, readCode } from './code.ts'
import type { TelegramProfile } from './enter-by-telegram.ts'
import { linkTelegram } from './link-telegram.ts'

export interface LinkCode {
  readonly code: string
  readonly expiresAt: string
}

export function makeLinkCode(deps: Deps, root: Root, userId: string): LinkCode {
  const code = makeCode(deps, 'link', userId, root)
  return { code, expiresAt: readCode(deps, 'link', code, root.at).expiresAt }
}

/**
 * What the bot does with a code that somebody sends it. Whoever calls counts the tries.
 * @param root of the update
 * @throws Refusal token_unusable, and what linkTelegram throws
 */
export async function linkByCode(
  deps: Deps,
  root: Root,
  code: string,
  profile: TelegramProfile,
): Promise<{ userId: string; position: bigint | undefined }> {
  const { userId } = readCode(deps, 'link', code, root.at)
  const { position } = await linkTelegram(deps, codeRoot(deps, code, root), userId, profile)
  return { userId, position }
}
