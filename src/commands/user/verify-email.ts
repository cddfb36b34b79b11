/** Somebody followed the link that was sent to their address. A second time changes nothing. */
import { user } from '../../domain/user/user.ts'
import { readMailToken } from '../mail/mail-token.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'

/** @throws Refusal token_unusable, user_deactivated. */
export async function verifyEmail(
  deps: Deps,
  root: Root,
  token: string,
): Promise<{ position: bigint | undefined }> {
  const { subjectId, proves } = await readMailToken(deps, 'verify_email', token, root.at)
  const { position } = await deps.streams.transact(
    user,
    subjectId,
    { type: 'VerifyEmail', emailHmac: proves, at: root.at },
    step(deps.ids, root, 'verify'),
  )
  return { position }
}
