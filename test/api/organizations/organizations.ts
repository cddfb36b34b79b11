/** Organizations and invitations for the tests of their routes. */
import { mailToken } from '../../../src/commands/mail/mail-token.ts'
import { isErased } from '../../../src/domain/personal.ts'
import { user } from '../../../src/domain/user/user.ts'
import { listMails } from '../../../src/projections/mails.ts'
import type { TestApp } from '../../support/app.ts'
import type { SignedIn } from '../../support/seed.ts'

export async function newTeam(app: TestApp, owner: SignedIn, name = 'Crew'): Promise<string> {
  const { token } = owner
  const made = await app.request('POST /organizations', { token, body: { name } })
  if (made.status !== 201) throw new Error(made.text)
  return String(made.body['id'])
}

export async function emailOf(app: TestApp, { userId }: SignedIn): Promise<string> {
  const { state } = await app.app.deps.streams.load(user, userId)
  if (!state || isErased(state.email)) throw new Error('nobody')
  return state.email
}

/** The token that was mailed with an invitation. */
export async function invitationToken(app: TestApp, invitationId: unknown): Promise<string> {
  await app.settled()
  const { items } = await listMails(app.app.deps.views, { limit: 100, descending: true })
  const found = items.find((mail) => mail.subjectId === invitationId)
  if (!found) throw new Error('no mail was asked for')
  return mailToken(app.app.deps, found.mailId)
}
