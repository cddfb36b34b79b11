/** What a mail is before it becomes plain text and HTML: sentences in which what people named is marked. */
import type { MailKind } from '../../domain/mail/events.ts'

/** Somebody's own words in a sentence of ours. */
export interface Name {
  readonly name: string
}
export type Sentence = readonly (string | Name)[]
export type Block =
  | { readonly text: Sentence }
  | { readonly label: Sentence; readonly link: string }

export interface MailText {
  /** The same for every mail of the kind: no name gets into a header. */
  readonly subject: string
  readonly body: (facts: Readonly<Record<string, unknown>>) => readonly Block[]
}
export type MailMessages = Readonly<Record<MailKind, MailText>>
