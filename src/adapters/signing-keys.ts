/**
 * The keys that sign tokens: Ed25519, kept wrapped as one key of our own, the newest first. The newest
 * signs. One that was replaced verifies as long as a token signed by it can be good, then it is gone.
 * Other processes take up a new key within a minute, or at once when they meet its kid.
 */
import type { CryptoKey, JWK } from 'jose'
import type { Clock } from '../ports/clock.ts'
import type { Sealer } from '../ports/sealer.ts'

/** The name of our own key that holds them. */
export const SIGNING_KEYS = 'jwt-keys'
export const ALGORITHM = 'EdDSA'
const RELOAD_MS = 60_000
/** However many tokens come with a kid that nobody knows, the store is asked no more often. */
const RELOAD_UNKNOWN_MS = 1_000
/**
 * From the moment a key was replaced: the longest idle time of a session (30 days), and a day for
 * processes that have not yet heard and for clocks that differ.
 */
const VERIFIES_MS = 31 * 24 * 60 * 60 * 1000

interface StoredKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly createdAt: string
  readonly replacedAt?: string
  /** The private key; its public part is `x`. */
  readonly jwk: JWK
}

export interface SigningKey {
  readonly kid: string
  readonly privateKey: CryptoKey
}
interface Loaded {
  readonly signing: SigningKey
  readonly verifying: ReadonlyMap<string, CryptoKey>
  readonly published: readonly Record<string, unknown>[]
}

export function createSigningKeys({ sealer, clock }: { sealer: Sealer; clock: Clock }) {
  let loaded: Loaded | undefined
  let loading: Promise<Loaded> | undefined
  let askedAt = -Infinity

  const now = () => clock.now().getTime()
  const askedWithin = (ms: number) => Math.abs(now() - askedAt) < ms

  async function read(): Promise<Loaded> {
    askedAt = now()
    const bytes = await sealer.ownKey(SIGNING_KEYS, async () => toBytes([await makeKey(clock)]))
    loaded = await open(fromBytes(bytes), now())
    return loaded
  }
  const load = (): Promise<Loaded> => (loading ??= read().finally(() => (loading = undefined)))

  async function current(): Promise<Loaded> {
    const known = loaded
    if (!known) return load()
    // A store that does not answer now does not make known keys bad.
    return askedWithin(RELOAD_MS) ? known : load().catch(() => known)
  }

  return {
    signing: async (): Promise<SigningKey> => (await current()).signing,
    async verifying(kid: string): Promise<CryptoKey | undefined> {
      const key = (await current()).verifying.get(kid)
      if (key || askedWithin(RELOAD_UNKNOWN_MS)) return key
      return (await load()).verifying.get(kid)
    },
    published: async () => (await current()).published,
    async rotate(): Promise<string> {
      // The first start may not have come this far.
      await current()
      const made = await makeKey(clock)
      const bytes = await sealer.replaceOwnKey(SIGNING_KEYS, async (stored) =>
        toBytes([made, ...retire(fromBytes(stored), clock.now())]),
      )
      loaded = await open(fromBytes(bytes), now())
      return made.kid
    },
  }
}

async function makeKey(clock: Clock): Promise<StoredKey> {
  const jose = await import('jose')
  const { privateKey } = await jose.generateKeyPair(ALGORITHM, { extractable: true })
  const jwk = await jose.exportJWK(privateKey)
  const kid = await jose.calculateJwkThumbprint(jwk)
  return { kid, createdAt: clock.now().toISOString(), jwk }
}

function retire(keys: readonly StoredKey[], now: Date): StoredKey[] {
  return keys
    .filter((key) => verifies(key, now.getTime()))
    .map((key) => ({ ...key, replacedAt: key.replacedAt ?? now.toISOString() }))
}

const verifies = (key: StoredKey, now: number): boolean =>
  key.replacedAt === undefined || now - Date.parse(key.replacedAt) < VERIFIES_MS

async function open(keys: readonly StoredKey[], at: number): Promise<Loaded> {
  const jose = await import('jose')
  const [newest] = keys
  if (!newest) throw new Error('there is no key to sign tokens with')
  const verifying = new Map<string, CryptoKey>()
  const published: Record<string, unknown>[] = []
  for (const key of keys) {
    if (!verifies(key, at)) continue
    const { kty, crv, x } = key.jwk
    if (kty === undefined || crv === undefined || x === undefined)
      throw new Error(`signing key ${key.kid} is not an Ed25519 key`)
    const jwk = { kty, crv, x }
    verifying.set(key.kid, await importKey(jose, jwk))
    published.push({ ...jwk, kid: key.kid, alg: ALGORITHM, use: 'sig' })
  }
  const privateKey = await importKey(jose, newest.jwk)
  return { signing: { kid: newest.kid, privateKey }, verifying, published }
}

async function importKey(jose: typeof import('jose'), jwk: JWK): Promise<CryptoKey> {
  const key = await jose.importJWK(jwk, ALGORITHM)
  if (key instanceof Uint8Array) throw new Error('a signing key is never a shared secret')
  return key
}

const toBytes = (keys: readonly StoredKey[]): Uint8Array => Buffer.from(JSON.stringify({ keys }))
/** Written by toBytes and sealed since. */
const fromBytes = (bytes: Uint8Array): StoredKey[] =>
  (JSON.parse(Buffer.from(bytes).toString()) as { keys: StoredKey[] }).keys
