/**
 * A person joins an organization with the token that was mailed to their address. Having the token they
 * read mail there, so an address that was not verified yet is verified by it too.
 */
import { organization } from '../../domain/organization/organization.ts'
import { isErased } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import { user } from '../../domain/user/user.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import { readMailToken } from '../mail/mail-token.ts'
import { emailHmacOf } from '../user/find-user.ts'

/** @throws Refusal token_unusable, invitation_unusable, already_member */
export async function acceptInvitation(
  deps: Pick<Deps, 'streams' | 'ids' | 'sealer'>,
  root: Root,
  { token, userId }: { readonly token: string; readonly userId: string },
): Promise<{ orgId: string; position: bigint | undefined }> {
  const { streams, ids } = deps
  const { proves, recipient } = await readMailToken(deps, 'invitation', token, root.at)
  const orgId = proves.split('/')[0] ?? ''
  const { state: person } = await streams.load(user, userId)
  if (!person || isErased(recipient) || emailHmacOf(deps, recipient) !== person.emailHmac)
    throw new Refusal('invitation_unusable')
  const { emailHmac } = person
  const { at } = root
  const { position } = await streams.transact(
    organization,
    orgId,
    { type: 'AcceptInvitation', tokenHash: ids.sha256(token), userId, emailHmac, at },
    step(ids, { ...root, orgId }, 'accept'),
  )
  const verify = { type: 'VerifyEmail', emailHmac, at } as const
  const verified = await streams.transact(user, userId, verify, step(ids, root, 'verify'))
  return { orgId, position: verified.position ?? position }
}
