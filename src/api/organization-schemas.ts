/** Organizations as HTTP shows them. Addresses are for those who manage the organization. */
import { z } from 'zod'
import type { Deps } from '../commands/deps.ts'
import type { FoundOrganization } from '../commands/organization/find-organization.ts'
import { idSchema } from '../domain/ids.ts'
import { organizationRole } from '../domain/organization/events.ts'
import { rankOf } from '../domain/organization/organization.ts'
import { isErased } from '../domain/personal.ts'
import { user } from '../domain/user/user.ts'
import { timeSchema } from './schemas.ts'

const role = organizationRole.meta({
  description: 'auditor reads, member also invokes, admin also manages, owner does everything',
})

const memberSchema = z.strictObject({
  user_id: idSchema('user'),
  role,
  email: z.exactOptional(z.nullable(z.string())).meta({
    description: 'For admins and owners; null where it was erased.',
  }),
  active: z.exactOptional(z.boolean()),
})

export const listedOrganizationSchema = z.strictObject({
  id: idSchema('organization'),
  kind: z.enum(['personal', 'team']),
  name: z.nullable(z.string()).meta({ description: 'null where it was erased.' }),
  role,
  created_at: timeSchema,
})

export const invitationSchema = z.strictObject({
  id: idSchema('invitation'),
  role,
  expires_at: timeSchema,
})

export const organizationSchema = listedOrganizationSchema
  .extend({
    content_days: z.nullable(z.int()).meta({
      description: 'Days that texts of calls are kept; null: the installation decides.',
    }),
    members: z.array(memberSchema),
    invitations: z.exactOptional(z.array(invitationSchema)).meta({
      description: 'That can still be accepted; for admins and owners.',
    }),
  })
  .meta({ id: 'Organization' })

export const showListed = ({
  organization,
  role: own,
}: FoundOrganization): z.output<typeof listedOrganizationSchema> => ({
  id: organization.orgId,
  kind: organization.kind,
  name: isErased(organization.name) ? null : organization.name,
  role: own,
  created_at: organization.createdAt,
})

export async function showOrganization(
  { streams }: Pick<Deps, 'streams'>,
  found: FoundOrganization,
  at: string,
): Promise<z.output<typeof organizationSchema>> {
  const { organization, role: own } = found
  const manages = rankOf(own) >= rankOf('admin')
  const members = await Promise.all(
    Array.from(organization.members, async ([userId, memberRole]) => {
      const shown = { user_id: userId, role: memberRole }
      if (!manages) return shown
      const { state: person } = await streams.load(user, userId)
      const email = !person || isErased(person.email) ? null : person.email
      return { ...shown, email, active: person?.active ?? false }
    }),
  )
  const open = [...organization.invitations.values()].filter(
    (one) => one.open && one.expiresAt > at,
  )
  return {
    ...showListed(found),
    content_days: organization.contentDays ?? null,
    members,
    ...(manages && {
      invitations: open.map(({ invitationId, role: given, expiresAt }) => ({
        id: invitationId,
        role: given,
        expires_at: expiresAt,
      })),
    }),
  }
}
