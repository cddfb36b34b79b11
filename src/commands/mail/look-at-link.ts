/**
 * What a link of a mail is for, before anybody uses it: a page says whose it is and whether it is over.
 * Changes nothing. Whoever has the token reads that mailbox, so this tells them nothing that is not theirs.
 */
import type { MailKind } from '../../domain/mail/events.ts'
import { mail, provenBy } from '../../domain/mail/mail.ts'
import { organization } from '../../domain/organization/organization.ts'
import { isErased } from '../../domain/personal.ts'
import { Refusal } from '../../domain/refusal.ts'
import { user } from '../../domain/user/user.ts'
import type { Deps } from '../deps.ts'
import { mailIdOf } from './mail-token.ts'

export interface Link {
  /** It can still be used, as far as can be seen now. */
  readonly usable: boolean
  /** The language of the mail. */
  readonly locale: string
  /** undefined where it was erased. */
  readonly recipient: string | undefined
  readonly facts: Readonly<Record<string, string>>
}

type LinkDeps = Pick<Deps, 'streams' | 'ids'>

/** undefined for a token that we never made, and for one of another kind. */
export async function lookAtLink(
  deps: LinkDeps,
  kind: MailKind,
  token: string,
  at: string,
): Promise<Link | undefined> {
  const mailId = mailIdOf(token)
  if (mailId === undefined) return undefined
  const { state } = await deps.streams.load(mail, mailId)
  const request = state?.request
  const hash = deps.ids.sha256(token)
  if (request?.kind !== kind || request.tokenHash !== hash) return undefined
  const { recipient, facts = {}, locale } = request
  const shown = {
    locale,
    recipient: isErased(recipient) ? undefined : recipient,
    facts: isErased(facts) ? {} : facts,
  }
  try {
    const { subjectId, proves } = provenBy(state, { kind, hash }, at)
    return { ...shown, usable: await isUnused(deps, kind, subjectId, proves) }
  } catch (error) {
    if (error instanceof Refusal) return { ...shown, usable: false }
    throw error
  }
}

/** Only what is plain to see: whoever uses it decides. */
async function isUnused(
  { streams }: LinkDeps,
  kind: MailKind,
  subjectId: string,
  proves: string,
): Promise<boolean> {
  if (kind === 'reset_password') {
    const { state } = await streams.load(user, subjectId)
    return state?.active === true && state.passwordVersion === Number(proves)
  }
  if (kind === 'invitation') {
    const [orgId = '', invitationId = ''] = proves.split('/')
    const { state } = await streams.load(organization, orgId)
    return state?.invitations.get(invitationId)?.open === true
  }
  return true
}
