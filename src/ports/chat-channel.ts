/**
 * The bot's line to its chats, as Telegram's Bot API has it. Sending is at least once: a message whose
 * answer was lost may have arrived. Every call ends within two minutes, Telegram's own waits included.
 */
export interface ChatChannel {
  /** The number in the token. */
  readonly botId: string
  /** The bot's own name, without @. */
  username(): Promise<string>
  /**
   * What is new, in Telegram's order, waiting up to `waitSeconds` for it; `after` confirms everything up to
   * that number for ever. Only one process may ask at a time.
   */
  updates(question: {
    readonly after: number | undefined
    readonly waitSeconds: number
    readonly signal: AbortSignal
  }): Promise<readonly unknown[]>
  /** Telegram sends updates to `url` from now on; undefined: they wait to be asked for. */
  deliverTo(webhook: { readonly url: string; readonly secret: string } | undefined): Promise<void>
  /** Texts go as they are: nothing in them is markup. Answers the number of the message. */
  send(chatId: string, text: string, options?: MessageOptions): Promise<number>
  /** A text that is there already, or a message that is gone, is no error. */
  edit(chatId: string, messageId: number, text: string, options?: MessageOptions): Promise<void>
  /** Shows for some seconds that an answer is being written. */
  typing(chatId: string): Promise<void>
  /** A pressed button stops waiting. */
  answerButton(pressId: string): Promise<void>
  /** The commands that a language's menu shows; undefined: for everybody else. */
  menu(language: string | undefined): Promise<readonly MenuEntry[]>
  setMenu(language: string | undefined, entries: readonly MenuEntry[]): Promise<void>
}

export interface MessageOptions {
  /** Rows of buttons. */
  readonly buttons?: readonly (readonly Button[])[]
  /** The message that it answers: shown in groups. */
  readonly replyTo?: number
}

/** `data`: what a press of it tells us, at most 64 bytes. `url`: a page that it opens. */
export type Button =
  | { readonly label: string; readonly data: string }
  | { readonly label: string; readonly url: string }

export interface MenuEntry {
  readonly command: string
  readonly description: string
}

/** Telegram takes no message for this chat: the bot was blocked or thrown out, or the chat is gone. */
export class ChatUnreachable extends Error {
  constructor() {
    super('Telegram takes no message for this chat')
    this.name = 'ChatUnreachable'
  }
}

/** Telegram refused a call, and would refuse it again. Holds no token and no text of anybody. */
export class ChatCallRefused extends Error {
  readonly status: number
  constructor(method: string, status: number, description: string) {
    super(`Telegram refused ${method}: ${status} ${description}`)
    this.name = 'ChatCallRefused'
    this.status = status
  }
}
