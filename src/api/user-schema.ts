/** A person as they see themselves. */
import { z } from 'zod'
import { idSchema } from '../domain/ids.ts'
import { isErased } from '../domain/personal.ts'
import { localeText } from '../domain/user/email.ts'
import type { User } from '../domain/user/user.ts'
import { timeSchema } from './schemas.ts'

export const userSchema = z
  .strictObject({
    id: idSchema('user'),
    email: z.nullable(z.string()).meta({ description: 'null where it was erased.' }),
    email_verified: z.boolean(),
    locale: localeText,
    administrator: z.boolean().meta({ description: 'Administers the whole installation.' }),
    personal_organization_id: idSchema('organization'),
    created_at: timeSchema,
  })
  .meta({ id: 'User' })

export const userOf = (user: User): z.output<typeof userSchema> => ({
  id: user.userId,
  email: isErased(user.email) ? null : user.email,
  email_verified: user.emailVerified,
  locale: user.locale,
  administrator: user.roles.includes('administrator'),
  personal_organization_id: user.personalOrgId,
  created_at: user.registeredAt,
})
