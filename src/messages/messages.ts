/**
 * Every text that a person reads, by code. One file for each language; a language that lacks a text does
 * not compile. Texts from people never become part of a text here but as quoted facts.
 */
import type { RefusalCode } from '../domain/refusal.ts'
import type { MailMessages } from './mails/mail-text.ts'
import type { SiteMessages } from './site/site.ts'

/** What a door answers when it says no: the domain's refusals and the door's own. */
export type ProblemCode =
  | RefusalCode
  | 'invalid_input'
  | 'malformed_body'
  | 'unsupported_media_type'
  | 'body_too_large'
  | 'route_not_found'
  | 'method_not_allowed'
  | 'stream_busy'
  | 'precondition_failed'
  | 'event_too_large'
  | 'view_behind'
  | 'unavailable'
  | 'stopping'
  | 'client_left'
  | 'internal'

export type Facts = Readonly<Record<string, unknown>>
export interface ProblemText {
  /** What happened, the same for every occurrence. */
  readonly title: string
  /** What to do now, with the facts of this occurrence. */
  readonly detail: (facts: Facts) => string
}

export interface Messages {
  readonly locale: string
  /** The language's own name. */
  readonly language: string
  readonly problems: Readonly<Record<ProblemCode, ProblemText>>
  readonly mail: MailMessages
  /** The built-in pages. */
  readonly site: SiteMessages<ProblemCode>
  readonly texts: {
    readonly registered: string
  }
  /**
   * What is expected of a field, by the English phrase that its schema says. A phrase that is not here
   * is shown in English; a test finds it.
   */
  readonly fields: Readonly<Record<string, string>>
}
