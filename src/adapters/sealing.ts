/**
 * Sealing by AES-256-GCM, one random data key per subject, wrapped by the master key (sealing-keys.ts).
 * What is sealed is bound to its key's id and its context, so a value moved elsewhere does not open.
 * A random 96-bit iv for each value: one key seals far fewer than the 2^32 that this allows.
 */
import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { ERASED } from '../domain/personal.ts'
import type { KeyStore } from '../ports/key-store.ts'
import type { Sealer } from '../ports/sealer.ts'
import { decrypt, encrypt } from './aes-gcm.ts'
import { createKeyRing, DESTROYED } from './key-ring.ts'

const HMAC_PURPOSES = [
  'email',
  'endUser',
  'telegram',
  'cursor',
  'address',
  'mailToken',
  'telegramCode',
  'agentVersion',
  'request',
] as const
const KEY_BYTES = 32

export interface SealerWithRotation extends Sealer {
  /**
   * Wraps every key by a new master key; new keys use it from the first moment on. Killed half way, it
   * is finished by starting with the new key, the old one among `previousMasterKeys`, and calling it
   * again. Answers how many keys it wrapped.
   */
  rewrapAll(newMasterKey: Uint8Array): Promise<number>
}

/** Reads our own keys, so a wrong master key stops the start with a clear sentence. */
export async function createSealer(options: {
  keys: KeyStore
  /** 32 random bytes. */
  masterKey: Uint8Array
  /** Still able to open what a rotation has not reached. */
  previousMasterKeys?: readonly Uint8Array[]
  /** Opened keys kept in memory. */
  cachedKeys?: number
  /** No other process destroys keys. */
  alone?: boolean
}): Promise<SealerWithRotation> {
  const ring = createKeyRing(options)
  const hmacKeys = new Map<string, KeyObject>()
  const prepare = async (purpose: (typeof HMAC_PURPOSES)[number]) => {
    const key = await ring.own(`hmac-${purpose}`, async () => randomBytes(KEY_BYTES))
    hmacKeys.set(purpose, createSecretKey(key))
  }
  const [first, ...others] = HMAC_PURPOSES
  // Alone: of two processes that begin at once with two master keys, one is refused here and has made none.
  await prepare(first)
  await Promise.all(others.map(prepare))

  /** undefined where the key was destroyed. */
  async function sealBytes(
    key: string,
    context: string,
    bytes: Uint8Array,
  ): Promise<Buffer | undefined> {
    const dataKey = await ring.forSealing(key)
    return dataKey === DESTROYED ? undefined : encrypt(dataKey, bytes, bound(key, context))
  }
  async function openBytes(
    key: string,
    context: string,
    bytes: Uint8Array,
  ): Promise<Buffer | undefined> {
    if (bytes.length === 0) return undefined
    const dataKey = await ring.forOpening(key)
    return dataKey === DESTROYED ? undefined : decrypt(dataKey, bytes, bound(key, context))
  }

  return {
    async seal(key, context, value) {
      const bytes = await sealBytes(key, context, Buffer.from(JSON.stringify(value)))
      if (!bytes) return { key, context, sealed: '' }
      return { key, context, sealed: bytes.toString('base64url') }
    },
    async open({ key, context, sealed }) {
      const bytes = await openBytes(key, context, Buffer.from(sealed, 'base64url'))
      return bytes ? (JSON.parse(bytes.toString()) as unknown) : ERASED
    },
    /** No bytes at all where the key was destroyed: they open as erased. */
    sealBytes: async (key, context, bytes) =>
      (await sealBytes(key, context, bytes)) ?? new Uint8Array(0),
    openBytes,
    hmac(purpose, value) {
      const key = hmacKeys.get(purpose)
      if (!key) throw new Error(`no key for ${purpose}`)
      return createHmac('sha256', key).update(value).digest('hex')
    },
    ownKey: ring.own,
    replaceOwnKey: ring.replaceOwn,
    destroy: (key) => ring.destroy(key),
    keys: ring.list,
    forget: ring.forget,
    rewrapAll: ring.rewrapAll,
  }
}

/** Additional data. Key ids are ours and hold no NUL, so the two cannot run into each other. */
const bound = (key: string, context: string): string => `${key}\0${context}`
