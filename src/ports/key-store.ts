/**
 * Wrapped data keys, one per subject. Kept apart from the log and its backups: a key that is destroyed
 * here erases everything sealed with it, everywhere.
 */
export interface KeyStore {
  get(id: string): Promise<StoredKey | undefined>
  /** Stores a key unless one is there; answers the one that is there. Durable before it answers. */
  create(id: string, key: StoredKey): Promise<StoredKey>
  /** Destroys the key for ever; a key of this id is never made again (`create` answers the gravestone). */
  destroy(id: string): Promise<void>
  /**
   * Replaces the wrapping of a key (rotation of the master key; the data key stays the same) or a key of
   * our own. Changes nothing when what is stored is no longer `from`, above all when it was destroyed.
   */
  rewrap(id: string, from: StoredKey, to: StoredKey): Promise<void>
  list(options: { prefix: string; after?: string; limit: number }): Promise<readonly string[]>
  /** The master key, where the engine keeps one itself; undefined where it comes by configuration. */
  masterKey(): Promise<Uint8Array | undefined>
}

export type StoredKey =
  | { readonly wrapped: Uint8Array; readonly masterKeyId: string }
  | { readonly destroyed: true }
