/**
 * Tokens of links: `{mail id}.{HMAC of it under a key of ours}`. Whoever sends the mail makes the token
 * again; the log holds only its SHA-256, and whether the link still works is decided where it is used.
 */
import type { Id } from '../../domain/ids.ts'
import type { MailKind } from '../../domain/mail/events.ts'
import { mail, provenBy } from '../../domain/mail/mail.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Deps } from '../deps.ts'

const TOKEN = /^(mai_[0-9a-hjkmnp-tv-z]{26})\.([0-9a-f]{64})$/
export const MAIL_TOKEN_LENGTH = 95

export const mailToken = ({ sealer }: Pick<Deps, 'sealer'>, mailId: Id<'mail'>): string =>
  `${mailId}.${sealer.hmac('mailToken', mailId)}`

export const mailTokenHash = (deps: Pick<Deps, 'sealer' | 'ids'>, mailId: Id<'mail'>): string =>
  deps.ids.sha256(mailToken(deps, mailId))

/** Which mail a token says it is of; undefined for what no token of ours looks like. */
export const mailIdOf = (token: string): string | undefined => TOKEN.exec(token)?.[1]

/** What a token proves. @throws Refusal('token_unusable') for anything but a current one of this kind. */
export async function readMailToken(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  kind: MailKind,
  token: string,
  at: string,
): Promise<ReturnType<typeof provenBy>> {
  const mailId = mailIdOf(token)
  if (mailId === undefined) throw new Refusal('token_unusable')
  const { state } = await streams.load(mail, mailId)
  return provenBy(state, { kind, hash: ids.sha256(token) }, at)
}

const PAGES: Partial<Record<MailKind, string>> = {
  verify_email: 'verify-email',
  reset_password: 'reset-password',
  invitation: 'invitation',
}

/** The link of a mail; undefined for kinds that have none. */
export function mailLink(
  deps: Pick<Deps, 'sealer' | 'settings'>,
  kind: MailKind,
  mailId: Id<'mail'>,
): string | undefined {
  const page = PAGES[kind]
  if (page === undefined) return undefined
  const { dashboardUrl, publicUrl } = deps.settings
  return `${dashboardUrl ?? publicUrl}/${page}?token=${mailToken(deps, mailId)}`
}
