/** A person as they see themselves. */
import { z } from 'zod'
import { idSchema } from '../domain/ids.ts'
import { isErased, type Maybe } from '../domain/personal.ts'
import { localeText } from '../domain/user/email.ts'
import type { User } from '../domain/user/user.ts'
import { timeSchema } from './schemas.ts'

export const userSchema = z
  .strictObject({
    id: idSchema('user'),
    email: z.nullable(z.string()).meta({ description: 'null where it was erased.' }),
    email_verified: z.boolean(),
    email_provisional: z.boolean().meta({
      description: 'The address was made up by us (a sign-up by Telegram) and takes no mail.',
    }),
    telegram: z
      .strictObject({ linked: z.boolean(), username: z.nullable(z.string()) })
      .meta({ description: 'The Telegram account by which the person signs in.' }),
    locale: localeText,
    administrator: z.boolean().meta({ description: 'Administers the whole installation.' }),
    personal_organization_id: idSchema('organization'),
    created_at: timeSchema,
  })
  .meta({ id: 'User' })

const opened = (value: Maybe<string> | undefined): string | null =>
  value === undefined || isErased(value) ? null : value

export const userOf = (user: User): z.output<typeof userSchema> => ({
  id: user.userId,
  email: opened(user.email),
  email_verified: user.emailVerified,
  email_provisional: user.provisional,
  telegram: {
    linked: user.telegram !== undefined,
    username: opened(user.telegram?.username),
  },
  locale: user.locale,
  administrator: user.roles.includes('administrator'),
  personal_organization_id: user.personalOrgId,
  created_at: user.registeredAt,
})
