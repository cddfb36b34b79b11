/** A key of the organization of the request. Another organization's answers as one that does not exist. */
import { type ApiKey, apiKey } from '../../domain/api-key/api-key.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { Deps } from '../deps.ts'

export interface FoundKey {
  readonly key: ApiKey
  readonly revision: number
}

/** @throws Refusal api_key_not_found */
export async function apiKeyFor(
  { streams }: Pick<Deps, 'streams'>,
  orgId: string,
  keyId: string,
): Promise<FoundKey> {
  const { state: key, revision } = await streams.load(apiKey, keyId)
  if (key?.orgId !== orgId) throw new Refusal('api_key_not_found')
  return { key, revision }
}
