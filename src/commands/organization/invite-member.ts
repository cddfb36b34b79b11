/**
 * Somebody may join: the invitation in the organization's stream | the mail with its token. Ids follow
 * from the invitation, so whoever finds it without its mail asks for the same one.
 */
import type { OrganizationRole } from '../../domain/organization/events.ts'
import { organization } from '../../domain/organization/organization.ts'
import { isErased } from '../../domain/personal.ts'
import { streamName } from '../../domain/decider.ts'
import { user } from '../../domain/user/user.ts'
import { addDays } from '../../domain/subscription/period.ts'
import { newId, type Root, step, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'
import { mailTokenHash } from '../mail/mail-token.ts'
import { mailIdOf, requestMail } from '../mail/request-mail.ts'
import { emailHmacOf } from '../user/find-user.ts'
import { provesInvitation } from '../user/invited.ts'

type Needs = Pick<Deps, 'streams' | 'ids' | 'sealer'>

/** As long as the link of its mail works. */
const VALID_DAYS = 7

export interface NewInvitation {
  readonly orgId: string
  /** Who invites. */
  readonly by: string
  /** Normalised (emailText). */
  readonly email: string
  readonly role: OrganizationRole
}

/** @throws Refusal organization_not_found, forbidden, role_above_own */
export async function inviteMember(
  deps: Needs,
  root: Root,
  { orgId, by, email, role }: NewInvitation,
): Promise<{ invitationId: string; expiresAt: string; position: bigint | undefined }> {
  const { streams, ids } = deps
  // The organization stands in the path: one key sent for two must not make one id, and one mail.
  const invitationId = newId(ids, root, 'invitation', `invitation/${orgId}`)
  const { state, position } = await streams.transact(
    organization,
    orgId,
    {
      type: 'InviteMember',
      invitationId,
      email,
      emailHmac: emailHmacOf(deps, email),
      tokenHash: mailTokenHash(deps, mailIdOf(deps, mailRoot(deps, invitationId, root.at), KIND)),
      role,
      expiresAt: addDays(root.at, VALID_DAYS),
      by,
      at: root.at,
    },
    step(ids, { ...root, orgId }, 'invite'),
  )
  await requestInvitationMail(deps, { orgId, invitationId, correlationId: root.correlationId })
  const expiresAt = state?.invitations.get(invitationId)?.expiresAt ?? addDays(root.at, VALID_DAYS)
  return { invitationId, expiresAt, position }
}

const KIND = 'invitation'
const mailRoot = ({ ids }: Needs, invitationId: string, at: string, correlationId?: string): Root =>
  systemRoot(
    ids,
    'invitation-mails',
    { id: invitationId, ...(correlationId !== undefined && { correlationId }) },
    at,
  )

/** Asks for the mail of an open invitation, once. Its link ends with the invitation. */
export async function requestInvitationMail(
  deps: Needs,
  invited: {
    readonly orgId: string
    readonly invitationId: string
    readonly correlationId: string
  },
): Promise<void> {
  const { orgId, invitationId, correlationId } = invited
  const { state } = await deps.streams.load(organization, orgId)
  const invitation = state?.invitations.get(invitationId)
  if (!state || !invitation?.open) return
  const events = await deps.streams.read(streamName(organization.category, orgId))
  const data = events.find(
    (one) => one.type === 'MemberInvited' && one.data['invitationId'] === invitationId,
  )?.data
  const recipient = data?.['email']
  if (typeof recipient !== 'string') return
  const { state: host } = await deps.streams.load(user, String(data?.['by']))
  const root = mailRoot(deps, invitationId, String(data?.['at']), correlationId)
  await requestMail(deps, root, {
    kind: KIND,
    subjectId: invitationId,
    recipient,
    ...(!isErased(state.name) && { facts: { organization: state.name } }),
    locale: host?.locale ?? 'en',
    proves: provesInvitation(orgId, invitationId),
  })
}
