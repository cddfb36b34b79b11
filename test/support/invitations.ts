/** Invitations as an owner sends them, and the tokens of their mails. */
import { mailToken } from '../../src/commands/mail/mail-token.ts'
import { listMails } from '../../src/projections/mails.ts'
import { own, type World } from './mutations.ts'
import { freshEmail } from './people.ts'

export async function invited(world: World, email = freshEmail()): Promise<{ id: string }> {
  const line = `POST /organizations/${world.owner.orgId}/invitations`
  const { body } = await world.test.request<{ id: string }>(line, {
    ...own(world),
    body: { email, role: 'member' },
  })
  return body
}

/** Of the mail to somebody whom only the invitation names. */
export async function invitationToken({ test }: World, email: string): Promise<string> {
  const { deps } = test.app
  await test.settled()
  const { items } = await listMails(deps.views, { limit: 100, descending: true })
  for (const mail of items) {
    const recipient = await deps.sealer.open(mail.recipient)
    if (mail.kind === 'invitation' && recipient === email) return mailToken(deps, mail.mailId)
  }
  throw new Error('no mail was asked for')
}
