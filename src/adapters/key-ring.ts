/**
 * Data keys in clear, in memory only: made, unwrapped, kept (bounded) and forgotten here. The master key
 * wraps and does nothing else. A key that is destroyed leaves the memory in the same moment, also when
 * it was just being read. Where other processes destroy keys too, what is kept is read again every two
 * seconds of its use; a store that cannot be asked lets a key live on for five minutes.
 */
import { createSecretKey, hash, type KeyObject, randomBytes } from 'node:crypto'
import type { KeyStore, StoredKey } from '../ports/key-store.ts'
import { Unavailable } from '../ports/unavailable.ts'
import { decrypt, encrypt } from './aes-gcm.ts'

const KEY_BYTES = 32
const CACHED_KEYS = 10_000
const PAGE = 500
const OWN = 'own/'
const FRESH_MS = 2_000
/** Commands go on while the key store is away, with what is in memory. */
const KEPT_UNASKED_MS = 5 * 60_000

export const DESTROYED = Symbol('destroyed')
type DataKey = KeyObject | typeof DESTROYED

interface MasterKey {
  readonly id: string
  readonly key: KeyObject
}

/** Told to a person at the start, like any store that is refused. */
class WrongMasterKey extends Error {
  override readonly name = 'StoreRefused'
}

function masterKeyOf(bytes: Uint8Array): MasterKey {
  if (bytes.length !== KEY_BYTES) throw new Error(`a master key is ${KEY_BYTES} bytes`)
  const id = hash('sha256', bytes, 'hex').slice(0, 16)
  return { id, key: createSecretKey(bytes) }
}

export function createKeyRing(options: {
  keys: KeyStore
  masterKey: Uint8Array
  previousMasterKeys?: readonly Uint8Array[]
  cachedKeys?: number
  /** Nobody else destroys keys: what is kept stays right. */
  alone?: boolean
}) {
  const { keys, cachedKeys = CACHED_KEYS, alone = true } = options
  let master = masterKeyOf(options.masterKey)
  const masters = new Map([...(options.previousMasterKeys ?? []), options.masterKey].map(byId))
  const cache = new Map<string, { readonly key: DataKey; readonly readAt: number }>()
  const reading = new Map<string, Promise<DataKey | undefined>>()
  /** When the store could not be asked; whoever asks it again at once only waits. */
  let awayAt: number | undefined

  const wrap = (id: string, key: Uint8Array): StoredKey => ({
    wrapped: encrypt(master.key, key, id),
    masterKeyId: master.id,
  })

  /** undefined where the key was destroyed. */
  function unwrap(id: string, stored: StoredKey): Buffer | undefined {
    if ('destroyed' in stored) return undefined
    const wrapping = masters.get(stored.masterKeyId)
    if (!wrapping)
      throw new WrongMasterKey(
        `The master key ${master.id} does not open the keys of this data, which ${stored.masterKeyId} ` +
          'wraps: put back the master.key (or MASTER_KEY) that belongs to them, from the backup of the keys. ' +
          'While the master key is replaced, the other one belongs in MASTER_KEY_OTHER.',
      )
    return decrypt(wrapping.key, stored.wrapped, id)
  }

  function dataKeyOf(id: string, stored: StoredKey): DataKey {
    const bytes = unwrap(id, stored)
    return bytes ? createSecretKey(bytes) : DESTROYED
  }

  function keep(id: string, key: DataKey, readAt: number) {
    cache.delete(id)
    cache.set(id, { key, readAt })
    if (cache.size > cachedKeys) {
      const oldest = cache.keys().next()
      if (!oldest.done) cache.delete(oldest.value)
    }
  }

  /** One read of a key at a time; what `forget` was called on meanwhile is not kept. */
  async function read(
    id: string,
    fetch: () => Promise<StoredKey | undefined>,
  ): Promise<DataKey | undefined> {
    const begun = performance.now()
    const promise = fetch().then((stored) => stored && dataKeyOf(id, stored))
    reading.set(id, promise)
    try {
      const key = await promise
      if (key && reading.get(id) === promise) keep(id, key, begun)
      return key
    } finally {
      if (reading.get(id) === promise) reading.delete(id)
    }
  }

  async function known(id: string): Promise<DataKey | undefined> {
    const kept = cache.get(id)
    const readAgain = () => reading.get(id) ?? read(id, () => keys.get(id))
    if (!kept) return readAgain()
    const now = performance.now()
    const age = now - kept.readAt
    if (alone || age < FRESH_MS || kept.key === DESTROYED) {
      keep(id, kept.key, kept.readAt)
      return kept.key
    }
    // Known to be away: it is asked again beside the request, which would wait for it in vain.
    if (awayAt !== undefined && age < KEPT_UNASKED_MS) {
      if (now - awayAt >= FRESH_MS) {
        awayAt = now
        void readAgain().then(() => (awayAt = undefined), isAway)
      }
      return kept.key
    }
    try {
      const key = await readAgain()
      awayAt = undefined
      return key
    } catch (error) {
      if (!(error instanceof Unavailable) || age >= KEPT_UNASKED_MS) throw error
      awayAt = performance.now()
      // Unless it was told meanwhile that the key is gone.
      return cache.get(id)?.key ?? readAgain()
    }
  }

  /** Whatever is wrong with it, the next request that needs the key is told. */
  const isAway = () => undefined

  async function forSealing(id: string): Promise<DataKey> {
    const key = await known(id)
    if (key) return key
    // Two that make the same key at once both get the one that was stored first.
    const made = await read(id, () => keys.create(id, wrap(id, randomBytes(KEY_BYTES))))
    if (!made) throw new Error(`key ${id} was not stored`)
    return made
  }

  async function forOpening(id: string): Promise<DataKey> {
    const key = await known(id)
    // Not destroyed but gone: the key store was lost or does not belong to this log.
    if (!key) throw new Error(`key ${id} is not in the key store`)
    return key
  }

  function forget(id: string) {
    cache.delete(id)
    reading.delete(id)
  }

  async function own(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const id = OWN + name
    const stored = (await keys.get(id)) ?? (await keys.create(id, wrap(id, await make())))
    const key = unwrap(id, stored)
    if (!key) throw new Error(`key ${id} was destroyed`)
    return key
  }

  async function replaceOwn(
    name: string,
    change: (current: Uint8Array) => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const id = OWN + name
    for (;;) {
      const from = await keys.get(id)
      const current = from && unwrap(id, from)
      if (!from || !current) throw new Error(`key ${id} is not in the key store`)
      const changed = await change(current)
      await keys.rewrap(id, from, wrap(id, changed))
      const now = await keys.get(id)
      const stored = now && unwrap(id, now)
      if (stored && Buffer.compare(stored, changed) === 0) return stored
    }
  }

  async function rewrapAll(newMasterKey: Uint8Array): Promise<number> {
    master = masterKeyOf(newMasterKey)
    masters.set(master.id, master)
    let wrapped = 0
    for (let after: string | undefined; ;) {
      const page = await keys.list({
        prefix: '',
        limit: PAGE,
        ...(after !== undefined && { after }),
      })
      for (const id of page) {
        const from = await keys.get(id)
        if (!from || 'destroyed' in from || from.masterKeyId === master.id) continue
        const key = unwrap(id, from)
        if (!key) continue
        await keys.rewrap(id, from, wrap(id, key))
        wrapped++
      }
      after = page.at(-1)
      if (page.length < PAGE) return wrapped
    }
  }

  return {
    forSealing,
    forOpening,
    forget,
    own,
    replaceOwn,
    rewrapAll,
    list: (options: { prefix: string; after?: string; limit: number }) => keys.list(options),
    /** Destroyed in the store first: nothing that reads it from then on can bring it back. */
    async destroy(id: string) {
      forget(id)
      await keys.destroy(id)
      forget(id)
    },
  }
}

const byId = (bytes: Uint8Array): [string, MasterKey] => {
  const master = masterKeyOf(bytes)
  return [master.id, master]
}
