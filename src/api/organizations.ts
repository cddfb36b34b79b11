/**
 * Organizations and who is in them. The organization stands in the path; to somebody who does not
 * belong to it, it answers as one that does not exist. Who may do what, its own stream decides.
 */
import { z } from 'zod'
import type { Deps } from '../commands/deps.ts'
import { acceptInvitation } from '../commands/organization/accept-invitation.ts'
import { changeMemberRole } from '../commands/organization/change-member-role.ts'
import { changeOrganization } from '../commands/organization/change-organization.ts'
import { createOrganization } from '../commands/organization/create-organization.ts'
import { organizationFor } from '../commands/organization/find-organization.ts'
import { inviteMember } from '../commands/organization/invite-member.ts'
import { removeMember } from '../commands/organization/remove-member.ts'
import { revokeInvitation } from '../commands/organization/revoke-invitation.ts'
import { selectOrganization } from '../commands/organization/select-organization.ts'
import { transferOwnership } from '../commands/organization/transfer-ownership.ts'
import { idSchema } from '../domain/ids.ts'
import { organizationName, organizationRole, retentionDays } from '../domain/organization/events.ts'
import { Refusal } from '../domain/refusal.ts'
import { emailText } from '../domain/user/email.ts'
import { organizationsOf } from '../projections/memberships.ts'
import { signedIn } from './actor.ts'
import { Problem } from './errors.ts'
import {
  invitationSchema,
  listedOrganizationSchema,
  organizationSchema,
  showListed,
  showOrganization,
} from './organization-schemas.ts'
import { listPage, pageOf, pageQuery } from './pages.ts'
import { type AnyRoute, type Answer, route } from './route.ts'

const tag = 'organizations'
const access = (action: string) =>
  ({ actor: 'user', resource: 'organization', action, limits: ['request'] }) as const
const params = z.strictObject({ id: idSchema('organization') })
const memberParams = params.extend({ user_id: idSchema('user') })

export function organizationRoutes(deps: Deps): AnyRoute[] {
  return [
    createRoute(deps),
    listRoute(deps),
    readRoute(deps),
    changeRoute(deps),
    inviteRoute(deps),
    revokeRoute(deps),
    acceptRoute(deps),
    roleRoute(deps),
    removeRoute(deps),
    transferRoute(deps),
    switchRoute(deps),
  ]
}

/** The organization as this person may see it. */
async function shown(
  deps: Deps,
  orgId: string,
  userId: string,
  position?: bigint,
): Promise<Answer> {
  const found = await organizationFor(deps, orgId, userId)
  const body = await showOrganization(deps, found, deps.clock.now().toISOString())
  return { body, revision: found.revision, position }
}

const createRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/organizations',
    tag,
    summary: 'Create an organization for a team',
    description: 'Who creates it is its owner. It has no plan yet: `POST /billing/subscribe`.',
    access: access('create'),
    body: z.strictObject({ name: organizationName }),
    answers: { 201: { description: 'Created.', schema: organizationSchema } },
    async handler({ actor, body, root }) {
      const { userId } = signedIn(actor)
      const made = await createOrganization(deps, root, { ownerId: userId, name: body.name })
      const answer = await shown(deps, made.orgId, userId, made.position)
      return { ...answer, status: 201, headers: { location: `/organizations/${made.orgId}` } }
    },
  })

const listRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/organizations',
    tag,
    summary: 'My organizations, in the order I joined them',
    access: access('list'),
    query: z.strictObject(pageQuery),
    answers: {
      200: { description: 'A page of organizations.', schema: pageOf(listedOrganizationSchema) },
    },
    reads: true,
    async handler({ actor, query }) {
      const { userId } = signedIn(actor)
      const fetch = (page: { limit: number; after?: string }) => mine(deps, userId, page)
      return { body: await listPage(deps, ['organizations', userId], query, fetch, showListed) }
    },
  })

/** The view proposes, each organization's stream decides: what was left a moment ago is not shown. */
async function mine(deps: Deps, userId: string, page: { limit: number; after?: string }) {
  const all = await organizationsOf(deps.views, userId)
  const start = page.after === undefined ? 0 : all.indexOf(page.after) + 1
  const ids = all.slice(start, start + page.limit)
  const found = await Promise.all(
    ids.map((orgId) =>
      organizationFor(deps, orgId, userId).catch((error: unknown) => {
        if (error instanceof Refusal) return undefined
        throw error
      }),
    ),
  )
  const next = start + ids.length < all.length ? ids.at(-1) : undefined
  return { items: found.filter((one) => one !== undefined), next }
}

const readRoute = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/organizations/{id}',
    tag,
    summary: 'An organization and its members',
    description: 'Addresses of members, and open invitations, are shown to admins and owners.',
    access: access('read'),
    params,
    answers: { 200: { description: 'The organization.', schema: organizationSchema } },
    problems: ['organization_not_found'],
    handler: ({ actor, params: { id } }) => shown(deps, id, signedIn(actor).userId),
  })

const changeRoute = (deps: Deps) =>
  route({
    method: 'PATCH',
    path: '/organizations/{id}',
    tag,
    summary: 'Rename an organization, or keep texts of calls for another time',
    access: access('change'),
    params,
    body: z
      .strictObject({
        name: z.exactOptional(organizationName),
        content_days: z.exactOptional(z.nullable(retentionDays)).meta({
          description: 'Days that texts of calls are kept; null: the installation decides.',
        }),
      })
      .refine((body) => Object.keys(body).length > 0, 'nothing to change'),
    answers: { 200: { description: 'The organization as it is now.', schema: organizationSchema } },
    problems: ['organization_not_found', 'forbidden', 'precondition_failed'],
    async handler({ actor, params: { id: orgId }, body, root, ifRevision }) {
      const { userId } = signedIn(actor)
      const { position } = await changeOrganization(deps, root, {
        orgId,
        userId,
        ...(body.name !== undefined && { name: body.name }),
        ...(body.content_days !== undefined && { contentDays: body.content_days }),
        ifRevision,
      })
      return shown(deps, orgId, userId, position)
    },
  })

const inviteRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/organizations/{id}/invitations',
    tag,
    summary: 'Invite somebody by mail',
    description:
      'The mail holds a link that works for 7 days. Inviting the same address again ends the ' +
      'invitation before.',
    access: access('invite'),
    params,
    body: z.strictObject({ email: emailText, role: organizationRole.default('member') }),
    answers: { 201: { description: 'Invited.', schema: invitationSchema } },
    problems: ['organization_not_found', 'forbidden', 'role_above_own'],
    async handler({ actor, params: { id: orgId }, body, root }) {
      const { userId: by } = signedIn(actor)
      const { invitationId, expiresAt, position } = await inviteMember(deps, root, {
        orgId,
        by,
        ...body,
      })
      const invited = { id: invitationId, role: body.role, expires_at: expiresAt }
      return { status: 201, body: invited, position }
    },
  })

const revokeRoute = (deps: Deps) =>
  route({
    method: 'DELETE',
    path: '/organizations/{id}/invitations/{invitation_id}',
    tag,
    summary: 'Take an invitation back',
    access: access('invite'),
    params: params.extend({ invitation_id: idSchema('invitation') }),
    answers: { 204: { description: 'It cannot be accepted any more.' } },
    problems: ['organization_not_found', 'forbidden', 'invitation_unusable'],
    async handler({ actor, params: { id: orgId, invitation_id: invitationId }, root }) {
      const { userId: by } = signedIn(actor)
      return revokeInvitation(deps, root, { orgId, invitationId, by })
    },
  })

const acceptRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/invitations/{token}/accept',
    tag,
    summary: 'Join an organization with the token of an invitation',
    description: 'For the person whose address was invited.',
    access: access('join'),
    params: z.strictObject({ token: z.string().min(1).max(200) }),
    answers: { 200: { description: 'The organization.', schema: organizationSchema } },
    problems: ['token_unusable', 'invitation_unusable', 'already_member'],
    async handler({ actor, params: { token }, root }) {
      const { userId } = signedIn(actor)
      const { orgId, position } = await acceptInvitation(deps, root, { token, userId })
      return shown(deps, orgId, userId, position)
    },
  })

const roleRoute = (deps: Deps) =>
  route({
    method: 'PATCH',
    path: '/organizations/{id}/members/{user_id}',
    tag,
    summary: 'Give a member another role',
    access: access('manage'),
    params: memberParams,
    body: z.strictObject({ role: organizationRole }),
    answers: { 200: { description: 'The organization as it is now.', schema: organizationSchema } },
    problems: [
      'organization_not_found',
      'member_not_found',
      'forbidden',
      'role_above_own',
      'last_owner',
    ],
    async handler({ actor, params: { id: orgId, user_id: userId }, body, root }) {
      const { userId: by } = signedIn(actor)
      const change = { orgId, userId, role: body.role, by }
      const { position } = await changeMemberRole(deps, root, change)
      return shown(deps, orgId, by, position)
    },
  })

const removeRoute = (deps: Deps) =>
  route({
    method: 'DELETE',
    path: '/organizations/{id}/members/{user_id}',
    tag,
    summary: 'Remove a member, or leave',
    access: access('manage'),
    params: memberParams,
    answers: { 204: { description: 'They do not belong to it any more.' } },
    problems: ['organization_not_found', 'forbidden', 'role_above_own', 'last_owner'],
    async handler({ actor, params: { id: orgId, user_id: userId }, root }) {
      const { userId: by } = signedIn(actor)
      return removeMember(deps, root, { orgId, userId, by })
    },
  })

const transferRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/organizations/{id}/transfer',
    tag,
    summary: 'Hand the organization to another member',
    description:
      'For an owner: the member becomes an owner and you an admin, both at once. A personal ' +
      'organization stays its person’s.',
    access: access('transfer'),
    params,
    body: z.strictObject({ user_id: idSchema('user') }),
    answers: { 200: { description: 'The organization as it is now.', schema: organizationSchema } },
    problems: ['organization_not_found', 'member_not_found', 'forbidden', 'last_owner'],
    async handler({ actor, params: { id: orgId }, body: { user_id: userId }, root }) {
      const { userId: by } = signedIn(actor)
      if (userId === by)
        throw new Problem('invalid_input', {}, [
          { path: 'body.user_id', message: 'a member other than yourself' },
        ])
      const { position } = await transferOwnership(deps, root, { orgId, userId, by })
      return shown(deps, orgId, by, position)
    },
  })

const switchRoute = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/organizations/{id}/switch',
    tag,
    summary: 'Act in this organization from now on',
    description: 'For requests of this session without X-Organization-Id.',
    access: access('switch'),
    params,
    answers: { 200: { description: 'The organization.', schema: organizationSchema } },
    problems: ['organization_not_found'],
    async handler({ actor, params: { id: orgId }, root }) {
      const { userId, sessionId } = signedIn(actor)
      const { position } = await selectOrganization(deps, root, { orgId, userId, sessionId })
      return shown(deps, orgId, userId, position)
    },
  })
