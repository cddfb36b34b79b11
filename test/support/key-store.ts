/** A KeyStore in memory with the promises of the port: gravestones, and rewrap that compares first. */
import type { KeyStore, StoredKey } from '../../src/ports/key-store.ts'

export function memoryKeyStore(): KeyStore & { readonly keys: Map<string, StoredKey> } {
  const keys = new Map<string, StoredKey>()
  return {
    keys,
    async get(id) {
      return keys.get(id)
    },
    async create(id, key) {
      const there = keys.get(id)
      if (there) return there
      keys.set(id, key)
      return key
    },
    async destroy(id) {
      keys.set(id, { destroyed: true })
    },
    async rewrap(id, from, to) {
      const there = keys.get(id)
      if (!there || 'destroyed' in there || 'destroyed' in from) return
      if (Buffer.compare(there.wrapped, from.wrapped) === 0) keys.set(id, to)
    },
    async list({ prefix, after, limit }) {
      return [...keys.keys()]
        .filter((id) => id.startsWith(prefix) && (after === undefined || id > after))
        .sort()
        .slice(0, limit)
    },
    async masterKey() {
      return undefined
    },
  }
}
