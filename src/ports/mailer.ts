/**
 * Hands a mail to whoever delivers it. A mail that is handed over again carries the same Message-ID and
 * the same bytes, so that a repeat after a lost answer can be told from a second mail.
 */
export interface OutgoingMail {
  /** The id of the intent; the Message-ID follows from it. */
  readonly id: string
  /** One address, as it was normalised when it was given. */
  readonly to: string
  readonly locale: string
  /** One line. */
  readonly subject: string
  readonly text: string
  readonly html: string
  /** When it was asked for: ISO 8601. */
  readonly at: string
  /** The link in it, where it has one. */
  readonly link: string | undefined
}

/** Mails that were handed over and lie here still, in clear. */
export interface KeptMails {
  /** Ids of the intents, and when each was written last. */
  list(): Promise<readonly { readonly id: string; readonly at: Date }[]>
  /** What is not there is no error. */
  remove(ids: readonly string[]): Promise<void>
}

export interface Mailer {
  /** undefined: nothing stays here. */
  readonly kept?: KeptMails | undefined
  /**
   * Resolves when the mail was taken, durably.
   * @throws MailRejected it will never be taken: do not try again
   * @throws Unavailable it was not taken now, or nobody knows
   */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** This mail will never be taken. The reason holds no address: servers like to repeat them. */
export class MailRejected extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'MailRejected'
  }
}
