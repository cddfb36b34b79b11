/** What the links of mails carry. */
import { z } from 'zod'
import { MAIL_TOKEN_LENGTH } from '../../commands/mail/mail-token.ts'

export const linkToken = z
  .string()
  .min(1)
  .max(MAIL_TOKEN_LENGTH)
  .meta({ description: 'The token of the link that was mailed.' })

/** Mail programs add parameters of their own to links: they are dropped. */
export const linkQuery = z.object({ token: linkToken })
