/**
 * How many tokens a text may be at most. A hold is placed from this number, so it is never too low;
 * it is exact for ordinary text and rises towards the number of bytes for text that is dear to count.
 */

/** `bytes` is for models whose encoding is not known: no byte-level encoding makes more tokens than bytes. */
export const encodings = ['o200k_base', 'cl100k_base', 'bytes'] as const
export type Encoding = (typeof encodings)[number]

export interface TokenCounter {
  /** Loads the tables of an encoding (about 0.2 s, once). Needed before `count`. */
  load(encoding: Encoding): Promise<void>
  /**
   * An upper bound of the tokens of `text`; the same text always gives the same number. Text that looks
   * like a special token (`<|endoftext|>`) is text. Linear in the length whatever the text is.
   * @throws Error when the encoding was not loaded
   */
  count(encoding: Encoding, text: string): number
}
