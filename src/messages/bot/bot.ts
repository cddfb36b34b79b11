/**
 * What the bot says, beside the problems that every door has. Plain text: nothing in it is markup, and
 * names that people gave are cut and kept to one line before they come here.
 */
import type { BotCommand } from '../../domain/telegram-update/events.ts'

export interface BotMessages {
  /** What each command is for: shown in Telegram's menu, at most 256 characters. */
  readonly menu: Readonly<Record<BotCommand, string>>
  readonly welcome: string
  readonly welcomeBack: string
  readonly startFirst: string
  /** The address tells whose account it is: a link may come from somebody else. */
  readonly linked: (email: string | undefined) => string
  /** undefined: its name is gone. */
  readonly joined: (organization: string | undefined) => string
  /** Once, instead of answers to all that was too much. */
  readonly tooMuch: { readonly now: string; readonly today: string }
  readonly linkUnknown: string
  readonly linkTaken: string
  readonly link: {
    /**
     * Says what follows, and warns: somebody else may have sent the link, and may have given this very
     * person's address, unless it was confirmed.
     */
    readonly ask: (email: string | undefined, confirmed?: boolean) => string
    readonly yes: string
    readonly no: string
    readonly declined: string
    /** Wrong, used or too old: it is not said which. */
    readonly over: string
    readonly notHere: string
  }
  readonly unlink: {
    readonly ask: (email: string | undefined) => string
    readonly yes: string
    readonly no: string
    readonly done: string
    readonly kept: string
    readonly lastWayIn: string
    readonly notHere: string
  }
  readonly register: {
    readonly usage: string
    readonly notAnAddress: string
    /** The same for a free and for a taken address. */
    readonly sent: string
    readonly hasAddress: string
  }
  readonly locale: { readonly choose: string; readonly changed: string; readonly unknown: string }
  readonly organization: {
    readonly choose: string
    readonly changed: (name: string) => string
    readonly unnamed: string
    readonly unknown: string
  }
  readonly agents: {
    readonly choose: string
    readonly none: string
    readonly chosen: (name: string) => string
    readonly unknown: string
    readonly more: string
  }
  readonly ask: { readonly usage: string; readonly empty: string; readonly canceled: string }
  readonly cost: (amount: string) => string
  readonly practice: string
  readonly balance: (facts: {
    readonly balance: string
    readonly held: string | undefined
    readonly plan: string | undefined
  }) => string
  readonly usage: (facts: {
    readonly calls: number
    readonly tokens: number
    readonly charged: string
  }) => string
  readonly cancel: { readonly done: string; readonly nothing: string }
  readonly subscribe: {
    readonly choose: string
    readonly none: string
    readonly open: string
    readonly button: string
  }
  readonly stopped: string
  readonly onlyText: string
  readonly unknownCommand: string
  readonly oldButton: string
  readonly helpBefore: string
  readonly helpAfter: string
  /** Helps whoever has too little credit. */
  readonly seeBalance: string
}
