/**
 * One intent to write to somebody, and what became of it. One intent, one mail: its id is derived from
 * what caused it. Also the record that a link's token is checked against.
 */
import type { Decider } from '../decider.ts'
import type { Maybe } from '../personal.ts'
import { Refusal } from '../refusal.ts'
import type { MailEvent, MailKind } from './events.ts'

type Requested = Extract<MailEvent, { type: 'MailRequested' }>['data']
type Failed = Extract<MailEvent, { type: 'MailFailed' }>['data']

export interface Mail {
  readonly request: Requested
  readonly outcome: 'open' | 'sent' | 'failed'
}
/** undefined: never asked for. */
export type MailState = Mail | undefined

export type MailCommand =
  | ({
      readonly type: 'RequestMail'
      readonly recipient: string
      readonly facts?: Readonly<Record<string, string>>
    } & Omit<Requested, 'recipient' | 'facts'>)
  | { readonly type: 'RecordMailSent'; readonly at: string }
  | { readonly type: 'RecordMailFailed'; readonly reason: Failed['reason']; readonly at: string }

function decide(command: MailCommand, mail: MailState): readonly MailEvent[] {
  if (command.type === 'RequestMail') {
    if (mail) return []
    const { type: _, ...data } = command
    return [{ type: 'MailRequested', data }]
  }
  if (!mail) throw new Refusal('not_found')
  const { mailId } = mail.request
  const { at } = command
  switch (command.type) {
    case 'RecordMailSent':
      // Also after it was given up: what a server has taken was sent.
      return mail.outcome === 'sent' ? [] : [{ type: 'MailSent', data: { mailId, at } }]
    case 'RecordMailFailed': {
      if (mail.outcome !== 'open') return []
      return [{ type: 'MailFailed', data: { mailId, reason: command.reason, at } }]
    }
  }
}

function evolve(mail: MailState, event: MailEvent): MailState {
  if (event.type === 'MailRequested') return { request: event.data, outcome: 'open' }
  if (!mail) return mail
  switch (event.type) {
    case 'MailSent':
      return { ...mail, outcome: 'sent' }
    case 'MailFailed':
      return { ...mail, outcome: 'failed' }
  }
}

export const mail: Decider<MailState, MailCommand, MailEvent> = {
  category: 'mail',
  initial: () => undefined,
  decide,
  evolve,
}

/** Whether there is still something to send. */
export const isOpen = (state: MailState, at: string): state is Mail =>
  state?.outcome === 'open' && at < state.request.expiresAt

/**
 * Checks the token of a link: of this kind, of this mail, not expired. That it works once is decided
 * where it is used, by comparing `proves` with the present state there.
 * Digests of secrets are compared, so the time it takes tells nothing that helps to guess one.
 * @throws Refusal('token_unusable')
 */
export function provenBy(
  state: MailState,
  token: { kind: MailKind; hash: string },
  at: string,
): { subjectId: string; recipient: Maybe<string>; proves: string } {
  const request = state?.request
  if (
    request?.tokenHash === undefined ||
    request.proves === undefined ||
    request.kind !== token.kind ||
    request.tokenHash !== token.hash ||
    at >= request.expiresAt
  )
    throw new Refusal('token_unusable')
  const { subjectId, recipient, proves } = request
  return { subjectId, recipient, proves }
}
