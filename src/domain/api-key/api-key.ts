/**
 * One key of an organization. Its terms never change: another right is another key. After a rotation the
 * secret before works until the end of the overlap, and only the newest two are ever known.
 */
import type { Decider } from '../decider.ts'
import { Refusal } from '../refusal.ts'
import type { ApiKeyEvent, KeyTerms } from './events.ts'

export interface ApiKey {
  readonly keyId: string
  readonly orgId: string
  readonly issuedBy: string
  readonly issuedAt: string
  readonly terms: KeyTerms
  /** SHA-256 of the secret. */
  readonly digest: string
  readonly before?: { readonly digest: string; readonly until: string }
  readonly rotatedAt?: string
  readonly revokedAt?: string
}
/** undefined: there is no such key. */
export type ApiKeyState = ApiKey | undefined

export type ApiKeyCommand =
  | {
      readonly type: 'IssueApiKey'
      readonly keyId: string
      readonly orgId: string
      readonly issuedBy: string
      readonly terms: KeyTerms
      readonly secretDigest: string
      readonly at: string
    }
  | {
      readonly type: 'RotateApiKey'
      readonly secretDigest: string
      readonly overlapUntil: string
      readonly at: string
    }
  | { readonly type: 'RevokeApiKey'; readonly by: string; readonly at: string }

export type KeyStatus = 'active' | 'expired' | 'revoked'

export function statusOf({ terms, revokedAt }: ApiKey, at: string): KeyStatus {
  if (revokedAt !== undefined) return 'revoked'
  return terms.expiresAt !== undefined && terms.expiresAt <= at ? 'expired' : 'active'
}

/** Digests of the secrets that are taken now: the newest, and within the overlap the one before. */
export const digestsAt = ({ digest, before }: ApiKey, at: string): readonly string[] =>
  before && at < before.until ? [digest, before.digest] : [digest]

/** For whoever comes with it. @throws Refusal api_key_revoked, api_key_expired */
export function assertActive(key: ApiKey, at: string): void {
  const status = statusOf(key, at)
  if (status !== 'active')
    throw new Refusal(status === 'revoked' ? 'api_key_revoked' : 'api_key_expired')
}

function decide(command: ApiKeyCommand, key: ApiKeyState): readonly ApiKeyEvent[] {
  const { at } = command
  switch (command.type) {
    case 'IssueApiKey': {
      // The same wish again; its id is of this wish alone.
      if (key) return []
      const { keyId, orgId, issuedBy, terms, secretDigest } = command
      if (terms.expiresAt !== undefined && terms.expiresAt <= at)
        throw new Refusal('expiry_in_past')
      return [
        { type: 'ApiKeyIssued', data: { keyId, orgId, issuedBy, ...terms, secretDigest, at } },
      ]
    }
    case 'RotateApiKey': {
      if (!key) throw new Refusal('api_key_not_found')
      const { secretDigest, overlapUntil } = command
      if (secretDigest === key.digest) return []
      if (statusOf(key, at) !== 'active') throw new Refusal('api_key_ended')
      return [{ type: 'ApiKeyRotated', data: { keyId: key.keyId, secretDigest, overlapUntil, at } }]
    }
    case 'RevokeApiKey': {
      if (!key) throw new Refusal('api_key_not_found')
      const { keyId, revokedAt } = key
      if (revokedAt !== undefined) return []
      return [{ type: 'ApiKeyRevoked', data: { keyId, by: command.by, at } }]
    }
  }
}

function evolve(key: ApiKeyState, { type, data }: ApiKeyEvent): ApiKeyState {
  switch (type) {
    case 'ApiKeyIssued': {
      const { keyId, orgId, issuedBy, secretDigest: digest, at: issuedAt, ...terms } = data
      return { keyId, orgId, issuedBy, issuedAt, terms, digest }
    }
    case 'ApiKeyRotated':
      return (
        key && {
          ...key,
          digest: data.secretDigest,
          before: { digest: key.digest, until: data.overlapUntil },
          rotatedAt: data.at,
        }
      )
    case 'ApiKeyRevoked':
      return key && { ...key, revokedAt: data.at }
  }
}

export const apiKey: Decider<ApiKeyState, ApiKeyCommand, ApiKeyEvent> = {
  category: 'apiKey',
  initial: () => undefined,
  decide,
  evolve,
}
