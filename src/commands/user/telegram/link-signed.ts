/** A signed-in person links the Telegram account that its widget's signed data tells of. */
import type { Root } from '../../context.ts'
import type { Deps } from '../../deps.ts'
import { proveSelf, type Self } from '../prove-self.ts'
import { linkTelegram } from './link-telegram.ts'
import { takeSignedLogin } from './sign-in-by-telegram.ts'
import type { SignedFields } from './signed-login.ts'

/** @throws Refusal telegram_off, telegram_login_refused, and what proveSelf and linkTelegram throw. */
export async function linkSigned(
  deps: Deps,
  root: Root,
  self: Self,
  fields: SignedFields,
): Promise<{ position: bigint | undefined }> {
  const login = await takeSignedLogin(deps, root, fields, () => proveSelf(deps, self, root.at))
  return linkTelegram(deps, root, self.userId, login)
}
