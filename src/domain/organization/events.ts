/**
 * An organization and who is in it: the stored contract. Its name may well be a person's, so it is
 * personal to whoever gave it; an invited address belongs to somebody who has no account yet, so it has
 * a key of its own.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { clear, NOBODY, personal, shownTo } from '../personal.ts'

/** What one may do, from least: reads everything · also invokes · also manages · everything. */
export const organizationRoles = ['auditor', 'member', 'admin', 'owner'] as const
export const organizationRole = z.enum(organizationRoles)
export type OrganizationRole = z.output<typeof organizationRole>

export const organizationName = z.string().trim().min(1).max(120)
/** Days that texts of calls are kept; undefined where the installation's setting applies. */
export const retentionDays = z.int().nonnegative().max(3_650)

const orgId = idField('organization')
const userId = idField('user')
const role = clear(organizationRole)
const invitationId = idField('invitation')
/** Who did it: a member, or nobody of the organization (an administrator of the platform). */
const by = clear(z.union([z.string().regex(/^usr_[0-9a-z]{26}$/), z.literal('platform')]))

export const organizationEvents = {
  OrganizationCreated: event('An organization exists; its first owner is the one who made it.', {
    orgId,
    /** `personal`: made with the person's account and theirs for good. */
    kind: clear(z.enum(['personal', 'team'])),
    ownerId: userId,
    name: personal(organizationName, 'ownerId'),
    at: instant,
  }),
  OrganizationRenamed: event('The organization has another name.', {
    orgId,
    userId,
    name: personal(organizationName, 'userId'),
    at: instant,
  }),
  MemberInvited: event(
    'Somebody may join under this role until a day, with the token mailed to them.',
    {
      orgId,
      invitationId,
      email: personal(z.string(), 'invitationId'),
      /** Only the holder of this address may accept. */
      emailHmac: clear(z.string().min(1).max(128)),
      /** SHA-256 of the token. */
      tokenHash: shownTo(NOBODY, clear(z.string().min(1).max(128))),
      role,
      expiresAt: instant,
      by,
      at: instant,
    },
  ),
  InvitationRevoked: event('The invitation is good for nothing any more.', {
    orgId,
    invitationId,
    by,
    at: instant,
  }),
  MemberAdded: event('A person belongs to the organization.', {
    orgId,
    userId,
    role,
    /** The invitation that was accepted; none where the platform added the person. */
    invitationId: clear(z.exactOptional(z.string().regex(/^ivt_[0-9a-z]{26}$/))),
    at: instant,
  }),
  MemberRoleChanged: event('A member may do more or less, from the next request on.', {
    orgId,
    userId,
    role,
    by,
    at: instant,
  }),
  MemberRemoved: event('A person does not belong to the organization any more.', {
    orgId,
    userId,
    by,
    at: instant,
  }),
  ContentRetentionChanged: event('Texts of calls are kept for another number of days.', {
    orgId,
    /** undefined: the installation's setting applies again. */
    days: clear(z.exactOptional(retentionDays)),
    by,
    at: instant,
  }),
}
export type OrganizationEvent = EventsOf<typeof organizationEvents>
