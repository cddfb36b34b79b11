/**
 * The texts of view documents that were lately read or written: most requests and most batches look at
 * the same few. Texts, not documents, so that nobody can change what another one reads. Bounded; only
 * for the process that writes, which tells it every change.
 */
const MAX_TEXTS = 5_000
const MAX_LENGTH = 4_096

/** A document's text, and the position that it reflects. */
export interface StoredText {
  readonly text: string
  readonly position: number
}

export class DocumentTexts {
  readonly #most: number
  readonly #texts = new Map<string, StoredText>()

  constructor(most: number = MAX_TEXTS) {
    this.#most = most
  }

  get(table: string, key: string): StoredText | undefined {
    return this.#texts.get(table + key)
  }

  set(table: string, key: string, stored: StoredText): void {
    this.delete(table, key)
    if (stored.text.length > MAX_LENGTH || this.#most === 0) return
    this.#texts.set(table + key, stored)
    if (this.#texts.size <= this.#most) return
    const oldest = this.#texts.keys().next()
    if (!oldest.done) this.#texts.delete(oldest.value)
  }

  delete(table: string, key: string): void {
    this.#texts.delete(table + key)
  }

  clear(): void {
    this.#texts.clear()
  }
}
