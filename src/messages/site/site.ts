/**
 * What the built-in pages say. The pages put these texts into HTML and escape them there: no text here
 * holds markup, and what people wrote (a name, an address) comes in as a plain value.
 */
/** A heading and the sentences below it. */
export interface Words {
  readonly title: string
  readonly text: string
}

/** `Code`: what a door may answer. */
export interface SiteMessages<Code extends string = string> {
  readonly fields: {
    readonly email: string
    readonly emailWrong: Words
    readonly password: string
    readonly newPassword: string
    readonly again: string
    /** What is expected of a new password. */
    readonly hint: (min: number) => string
  }
  readonly verifyEmail: Words & { readonly button: string; readonly done: Words }
  readonly verifyAgain: Words & {
    readonly button: string
    readonly done: Words
    /** Leads here from a link that is over. */
    readonly offer: string
  }
  readonly resetPassword: Words & {
    readonly button: string
    readonly done: Words
    readonly differ: Words
  }
  readonly forgotPassword: Words & {
    readonly button: string
    readonly done: Words
    /** Leads here from a link that is over. */
    readonly offer: string
  }
  readonly invitation: {
    readonly title: (organization: string | undefined) => string
    readonly text: (email: string) => string
    readonly member: Words & { readonly button: string }
    readonly newcomer: Words & { readonly button: string }
    readonly hasAccount: Words
    readonly done: (organization: string | undefined) => Words
  }
  readonly telegramStart: Words & { readonly withoutScript: string }
  readonly telegram: {
    readonly title: string
    readonly text: (username: string | undefined) => string
    readonly button: string
    readonly done: Words
    readonly over: Words
    readonly again: string
    readonly next: Words
    readonly accessToken: (minutes: number) => string
    readonly refreshToken: (days: number) => string
  }
  /** In place of the words that a program is told. */
  readonly problems: Partial<Readonly<Record<Code, Words>>>
  readonly problemCode: string
}
