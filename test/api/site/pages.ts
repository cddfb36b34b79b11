/** What tests of the built-in pages need: links of mails, and pages as a reader sees them. */
import type { MailKind } from '../../../src/domain/mail/events.ts'
import type { Reply, TestApp } from '../../support/app.ts'
import { freshEmail, mailedToken, PASSWORD } from '../../support/people.ts'

/** The text of a page, without its markup. */
export const shown = ({ text }: Reply): string =>
  (/<main>([\s\S]*)<\/main>/.exec(text)?.[1] ?? '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()

export const heading = ({ text }: Reply): string | undefined => /<h1>([^<]*)<\/h1>/.exec(text)?.[1]

/** Somebody who has registered in a language, and the token of a link that they were sent. */
export async function mailed(
  app: TestApp,
  kind: MailKind,
  locale = 'en',
): Promise<{ readonly email: string; readonly token: string }> {
  const email = freshEmail()
  const body = { email, password: PASSWORD, locale }
  const asked = await app.request('POST /auth/register', { body })
  if (asked.status !== 202) throw new Error(asked.text)
  if (kind === 'reset_password')
    await app.request('POST /auth/password/forgot', { body: { email } })
  return { email, token: await mailedToken(app, email, kind) }
}
