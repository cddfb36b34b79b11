/**
 * Live text is sealed on its way through Redis: what a person was told must not stand in clear in its
 * memory or its append-only file. AES-256-GCM, a key for each feed made from the master key.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomFillSync,
} from 'node:crypto'

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEYS_KEPT = 4_096
/** Random bytes are dear one by one. */
const NONCES_AT_ONCE = 256

export interface FeedSeal {
  seal(feed: string, text: string): string
  /** undefined: it was sealed with another master key, or changed on the way. */
  open(feed: string, sealed: string): string | undefined
}

/** @param others master keys that open too, while one replaces the other */
export function createFeedSeal(
  masterKey: Uint8Array,
  others: readonly Uint8Array[] = [],
): FeedSeal {
  const [own, ...rest] = [masterKey, ...others].map(sealBy)
  if (!own) throw new Error('a master key is given')
  return {
    seal: (feed, text) => own.seal(feed, text),
    open(feed, sealed) {
      for (const one of [own, ...rest]) {
        const text = one.open(feed, sealed)
        if (text !== undefined) return text
      }
      return undefined
    },
  }
}

function sealBy(masterKey: Uint8Array): FeedSeal {
  // As objects: from bytes a cipher is made six times as slowly.
  const keys = new Map<string, KeyObject>()
  let nonces = Buffer.alloc(0)

  function keyOf(feed: string): KeyObject {
    let key = keys.get(feed)
    if (key === undefined) {
      const info = `daybook live feed ${feed}`
      key = createSecretKey(Buffer.from(hkdfSync('sha256', masterKey, '', info, 32)))
      keys.set(feed, key)
      const oldest = keys.keys().next().value
      if (keys.size > KEYS_KEPT && oldest !== undefined) keys.delete(oldest)
    }
    return key
  }

  function nextNonce(): Buffer {
    if (nonces.byteLength === 0) nonces = randomFillSync(Buffer.alloc(NONCE_BYTES * NONCES_AT_ONCE))
    const nonce = nonces.subarray(0, NONCE_BYTES)
    nonces = nonces.subarray(NONCE_BYTES)
    return nonce
  }

  return {
    seal(feed, text) {
      const nonce = nextNonce()
      const cipher = createCipheriv(ALGORITHM, keyOf(feed), nonce)
      const sealed = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
      return Buffer.concat(sealed).toString('base64')
    },
    open(feed, sealed) {
      const bytes = Buffer.from(sealed, 'base64')
      if (bytes.byteLength < NONCE_BYTES + TAG_BYTES) return undefined
      const nonce = bytes.subarray(0, NONCE_BYTES)
      const decipher = createDecipheriv(ALGORITHM, keyOf(feed), nonce)
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
      try {
        const text = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
        return Buffer.concat([text, decipher.final()]).toString()
      } catch {
        return undefined
      }
    },
  }
}
