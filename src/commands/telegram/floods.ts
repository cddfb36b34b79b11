/** What people wrote to the bot too much of: how many updates were lost, and what their senders are told. */
export interface Floods {
  lost(): void
  /** Since this process began. */
  readonly lostInAll: () => number
  /** In the language of a person or of their Telegram. */
  readonly text: (language: string | undefined, when: TooMuch) => string
}
/** Of a minute, or of a day. */
export type TooMuch = 'now' | 'today'

export function createFloods(text: Floods['text']): Floods {
  let count = 0
  return { lost: () => void count++, lostInAll: () => count, text }
}
