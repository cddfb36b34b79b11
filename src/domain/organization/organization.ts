/**
 * An organization: who belongs to it and with which role. It has an owner at every moment, and nobody
 * gives, takes or changes a role above their own. Money and plans are kept elsewhere under the same id.
 */
import type { Decider } from '../decider.ts'
import type { Maybe } from '../personal.ts'
import { Refusal } from '../refusal.ts'
import { type OrganizationEvent, type OrganizationRole, organizationRoles } from './events.ts'

export interface Invitation {
  readonly invitationId: string
  readonly emailHmac: string
  readonly tokenHash: string
  readonly role: OrganizationRole
  readonly expiresAt: string
  /** Who invited; a person or `platform`. */
  readonly by: string
  readonly open: boolean
}
export interface Organization {
  readonly orgId: string
  readonly kind: 'personal' | 'team'
  /** Who made it; a personal one stays theirs. */
  readonly creatorId: string
  readonly name: Maybe<string>
  readonly members: ReadonlyMap<string, OrganizationRole>
  readonly invitations: ReadonlyMap<string, Invitation>
  readonly contentDays: number | undefined
  readonly createdAt: string
}
/** undefined: there is none of this id. */
export type OrganizationState = Organization | undefined

/** A member, or an administrator of the platform, who may do what an owner may. */
type By = { readonly by: string; readonly at: string }

export type OrganizationCommand =
  | {
      readonly type: 'CreateOrganization'
      readonly orgId: string
      readonly kind: 'personal' | 'team'
      readonly ownerId: string
      readonly name: string
      readonly at: string
    }
  /** By a member: the name is sealed with their key. */
  | {
      readonly type: 'RenameOrganization'
      readonly name: string
      readonly userId: string
      readonly at: string
    }
  | ({
      readonly type: 'InviteMember'
      readonly invitationId: string
      readonly email: string
      readonly emailHmac: string
      readonly tokenHash: string
      readonly role: OrganizationRole
      readonly expiresAt: string
    } & By)
  | ({ readonly type: 'RevokeInvitation'; readonly invitationId: string } & By)
  | {
      readonly type: 'AcceptInvitation'
      readonly tokenHash: string
      readonly userId: string
      /** Of the person's own, verified address. */
      readonly emailHmac: string
      readonly at: string
    }
  /** By an administrator of the platform, for an organization that has no active owner left. */
  | {
      readonly type: 'AddMember'
      readonly userId: string
      readonly role: OrganizationRole
      readonly at: string
    }
  | ({
      readonly type: 'ChangeMemberRole'
      readonly userId: string
      readonly role: OrganizationRole
    } & By)
  /** `by` becomes an admin, `userId` an owner. */
  | ({ readonly type: 'TransferOwnership'; readonly userId: string } & By)
  /** `by` = `userId`: the member leaves. */
  | ({ readonly type: 'RemoveMember'; readonly userId: string } & By)
  | ({ readonly type: 'ChangeContentRetention'; readonly days?: number } & By)

type Command<T extends OrganizationCommand['type']> = Extract<OrganizationCommand, { type: T }>
type Events = readonly OrganizationEvent[]

export const rankOf = (role: OrganizationRole): number => organizationRoles.indexOf(role)

/** The role of who acts. @throws Refusal organization_not_found to a stranger: it is not theirs to know */
function roleOf(organization: Organization, by: string): OrganizationRole {
  if (by === 'platform') return 'owner'
  const role = organization.members.get(by)
  if (!role) throw new Refusal('organization_not_found')
  return role
}

/** Admins and owners manage, and only roles up to their own. */
function mayManage(organization: Organization, by: string, ...roles: OrganizationRole[]): void {
  const own = rankOf(roleOf(organization, by))
  if (own < rankOf('admin')) throw new Refusal('forbidden', { needed: 'admin' })
  if (roles.some((role) => rankOf(role) > own)) throw new Refusal('role_above_own')
}

/**
 * It is open, in time, and whoever gave it could give it today: one who was removed or lowered must not
 * come back by an invitation that they left behind.
 */
export function isUsable(
  { by, role, expiresAt, open }: Invitation,
  { members }: Organization,
  at: string,
): boolean {
  const given = by === 'platform' ? 'owner' : members.get(by)
  const may = given !== undefined && rankOf(given) >= rankOf('admin')
  return open && expiresAt > at && may && rankOf(role) <= rankOf(given)
}

/** A personal organization is its person's; any other needs some owner. */
function mayLoseOwner({ kind, creatorId, members }: Organization, userId: string): void {
  const others = [...members].some(([id, role]) => id !== userId && role === 'owner')
  if (!others || (kind === 'personal' && userId === creatorId)) throw new Refusal('last_owner')
}

function memberOf(organization: Organization, userId: string): OrganizationRole {
  const role = organization.members.get(userId)
  if (!role) throw new Refusal('member_not_found')
  return role
}

function invite(command: Command<'InviteMember'>, organization: Organization): Events {
  const { type: _type, ...data } = command
  const { orgId, invitations } = organization
  if (invitations.has(command.invitationId)) return []
  mayManage(organization, command.by, command.role)
  const { by, at } = command
  // A new invitation of the same address takes the place of the one that still stands.
  const replaced = [...invitations.values()].filter(
    (one) => one.open && one.emailHmac === command.emailHmac,
  )
  return [
    ...replaced.map(({ invitationId }) => revoked(orgId, invitationId, by, at)),
    { type: 'MemberInvited', data: { orgId, ...data } },
  ]
}

const revoked = (orgId: string, invitationId: string, by: string, at: string) =>
  ({ type: 'InvitationRevoked', data: { orgId, invitationId, by, at } }) as const

function accept(command: Command<'AcceptInvitation'>, organization: Organization): Events {
  const { tokenHash, userId, emailHmac, at } = command
  const { orgId, members } = organization
  const invitation = [...organization.invitations.values()].find(
    (one) => one.tokenHash === tokenHash,
  )
  if (!invitation || invitation.emailHmac !== emailHmac) throw new Refusal('invitation_unusable')
  const { invitationId, role } = invitation
  if (members.has(userId)) {
    if (!invitation.open) return []
    throw new Refusal('already_member')
  }
  if (!isUsable(invitation, organization, at)) throw new Refusal('invitation_unusable')
  return [{ type: 'MemberAdded', data: { orgId, userId, role, invitationId, at } }]
}

function changeRole(command: Command<'ChangeMemberRole'>, organization: Organization): Events {
  const { userId, role, by, at } = command
  const present = memberOf(organization, userId)
  mayManage(organization, by, present, role)
  if (present === role) return []
  if (present === 'owner') mayLoseOwner(organization, userId)
  const { orgId } = organization
  return [{ type: 'MemberRoleChanged', data: { orgId, userId, role, by, at } }]
}

/** The new owner first: there is one after each of the two events. */
function transfer(command: Command<'TransferOwnership'>, organization: Organization): Events {
  const { userId, by, at } = command
  const { orgId } = organization
  // Whoever hands over stays: nobody does so from outside.
  const own = organization.members.get(by)
  if (!own) throw new Refusal('organization_not_found')
  const present = memberOf(organization, userId)
  if (own !== 'owner') throw new Refusal('forbidden', { needed: 'owner' })
  if (by === userId) return []
  const changed = (whom: string, role: OrganizationRole) =>
    ({ type: 'MemberRoleChanged', data: { orgId, userId: whom, role, by, at } }) as const
  if (organization.kind === 'personal' && by === organization.creatorId)
    throw new Refusal('last_owner')
  return [...(present === 'owner' ? [] : [changed(userId, 'owner')]), changed(by, 'admin')]
}

function remove(command: Command<'RemoveMember'>, organization: Organization): Events {
  const { userId, by, at } = command
  const { orgId, members } = organization
  const role = members.get(userId)
  if (!role) {
    // Who has left may say so again; to everybody else who manages, there is nothing left to remove.
    if (by !== userId) mayManage(organization, by)
    return []
  }
  if (by !== userId) mayManage(organization, by, role)
  if (role === 'owner') mayLoseOwner(organization, userId)
  return [{ type: 'MemberRemoved', data: { orgId, userId, by, at } }]
}

function decide(command: OrganizationCommand, organization: OrganizationState): Events {
  if (command.type === 'CreateOrganization') {
    const { type: _type, ...data } = command
    return organization ? [] : [{ type: 'OrganizationCreated', data }]
  }
  if (!organization) throw new Refusal('organization_not_found')
  const { orgId } = organization
  switch (command.type) {
    case 'RenameOrganization': {
      const { name, userId, at } = command
      mayManage(organization, userId)
      if (organization.name === name) return []
      return [{ type: 'OrganizationRenamed', data: { orgId, userId, name, at } }]
    }
    case 'InviteMember':
      return invite(command, organization)
    case 'RevokeInvitation': {
      const { invitationId, by, at } = command
      mayManage(organization, by)
      const invitation = organization.invitations.get(invitationId)
      if (!invitation) throw new Refusal('invitation_unusable')
      return invitation.open ? [revoked(orgId, invitationId, by, at)] : []
    }
    case 'AcceptInvitation':
      return accept(command, organization)
    case 'AddMember': {
      const { userId, role, at } = command
      const present = organization.members.get(userId)
      if (present === role) return []
      if (present) throw new Refusal('already_member')
      return [{ type: 'MemberAdded', data: { orgId, userId, role, at } }]
    }
    case 'ChangeMemberRole':
      return changeRole(command, organization)
    case 'TransferOwnership':
      return transfer(command, organization)
    case 'RemoveMember':
      return remove(command, organization)
    case 'ChangeContentRetention': {
      const { type: _type, ...data } = command
      mayManage(organization, command.by)
      if (organization.contentDays === command.days) return []
      return [{ type: 'ContentRetentionChanged', data: { orgId, ...data } }]
    }
  }
}

function evolve(state: OrganizationState, event: OrganizationEvent): OrganizationState {
  if (event.type === 'OrganizationCreated') {
    const { orgId, kind, ownerId, name, at } = event.data
    return {
      orgId,
      kind,
      creatorId: ownerId,
      name,
      members: new Map([[ownerId, 'owner']]),
      invitations: new Map(),
      contentDays: undefined,
      createdAt: at,
    }
  }
  return state && follow(state, event)
}

function follow(
  state: Organization,
  { type, data }: Exclude<OrganizationEvent, { type: 'OrganizationCreated' }>,
): Organization {
  switch (type) {
    case 'OrganizationRenamed':
      return { ...state, name: data.name }
    case 'MemberInvited': {
      const { invitationId, emailHmac, tokenHash, role, expiresAt, by } = data
      const invitation = { invitationId, emailHmac, tokenHash, role, expiresAt, by, open: true }
      return { ...state, invitations: new Map(state.invitations).set(invitationId, invitation) }
    }
    case 'InvitationRevoked':
      return closed(state, data.invitationId)
    case 'MemberAdded': {
      const members = new Map(state.members).set(data.userId, data.role)
      return closed({ ...state, members }, data.invitationId)
    }
    case 'MemberRoleChanged':
      return { ...state, members: new Map(state.members).set(data.userId, data.role) }
    case 'MemberRemoved':
      return {
        ...state,
        members: new Map([...state.members].filter(([userId]) => userId !== data.userId)),
      }
    case 'ContentRetentionChanged':
      return { ...state, contentDays: data.days }
  }
}

function closed(state: Organization, invitationId: string | undefined): Organization {
  const invitation = invitationId === undefined ? undefined : state.invitations.get(invitationId)
  if (!invitation) return state
  const invitations = new Map(state.invitations).set(invitation.invitationId, {
    ...invitation,
    open: false,
  })
  return { ...state, invitations }
}

export const organization: Decider<OrganizationState, OrganizationCommand, OrganizationEvent> = {
  category: 'organization',
  initial: () => undefined,
  decide,
  evolve,
}
