/**
 * Sealing and keyed digests. The only place that holds keys in clear.
 */
import type { Maybe, Sealed } from '../domain/personal.ts'

export interface Sealer {
  /** Seals a JSON value. Makes the subject's key when there is none, durable before it answers. */
  seal(key: string, context: string, value: unknown): Promise<Sealed | Erasure>
  /** Opens a sealed value; `erased` where the key was destroyed. A changed byte is a defect: it throws. */
  open(sealed: Sealed): Promise<Maybe<unknown>>
  sealBytes(key: string, context: string, bytes: Uint8Array): Promise<Uint8Array>
  /** undefined where the key was destroyed. */
  openBytes(key: string, context: string, bytes: Uint8Array): Promise<Uint8Array | undefined>
  /**
   * Keyed HMAC-SHA-256, hex: look-ups of addresses and end users without storing them, and the tokens in
   * links (`mailToken`), which whoever sends the mail can make again from its id; codes for Telegram; and what tells two
   * versions of an agent, or two requests with one key, apart without their texts. One key per purpose.
   */
  hmac(
    purpose:
      | 'email'
      | 'endUser'
      | 'telegram'
      | 'cursor'
      | 'address'
      | 'mailToken'
      | 'telegramCode'
      | 'agentVersion'
      | 'request',
    value: string,
  ): string
  /** A random key of our own (JWT signing, cursors) kept wrapped, made on first use. */
  ownKey(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array>
  /**
   * Replaces a key of our own by what `change` makes of it; answers what is stored then. `change` runs
   * again when another process has replaced the key meanwhile.
   */
  replaceOwnKey(
    name: string,
    change: (current: Uint8Array) => Promise<Uint8Array>,
  ): Promise<Uint8Array>
  /** Destroys a subject's key for ever, durable before it answers: all that it sealed reads as erased. */
  destroy(key: string): Promise<void>
  /** Subjects' keys with this prefix, in order, after `after`: also of keys that were destroyed. */
  keys(options: { prefix: string; after?: string; limit: number }): Promise<readonly string[]>
  /** Forgets the opened key in this process: it was destroyed by another. */
  forget(key: string): void
}

/** Sealing for a subject whose key was destroyed stores this: the value is erased from the start. */
export interface Erasure {
  readonly key: string
  readonly context: string
  readonly sealed: ''
}
