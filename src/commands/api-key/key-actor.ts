/**
 * Who comes with a key, from its stream: current like every stream that this process keeps, so a
 * revocation bites on the next request. Whether an id exists cannot be told from the answer.
 */
import { timingSafeEqual } from 'node:crypto'
import { type ApiKeyState, apiKey, assertActive, digestsAt } from '../../domain/api-key/api-key.ts'
import { parseToken } from '../../domain/api-key/token.ts'
import { streamName } from '../../domain/decider.ts'
import { organization } from '../../domain/organization/organization.ts'
import { Refusal } from '../../domain/refusal.ts'
import { isFromBefore, user } from '../../domain/user/user.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Ids } from '../../ports/ids.ts'
import type { KeyActor } from '../access.ts'
import type { Streams } from '../streams.ts'

/** Compared with where there is no such key: digest of nothing that anybody has. */
const NO_DIGEST = '0'.repeat(64)

const KNOWN_KEYS = 5_000

interface KeyActorDeps {
  readonly streams: Streams
  readonly ids: Pick<Ids, 'sha256'>
  readonly clock: Clock
}

export function createKeyActors(deps: KeyActorDeps) {
  /** Ids that exist. Whoever makes ids up must not drive out what is kept of streams that are in use. */
  const known = new Set<string>()

  async function keyOf(keyId: string): Promise<ApiKeyState> {
    if (!known.has(keyId)) {
      if (!(await deps.streams.readOne(streamName(apiKey.category, keyId), 0))) return undefined
      known.add(keyId)
      const [oldest] = known
      if (known.size > KNOWN_KEYS && oldest !== undefined) known.delete(oldest)
    }
    return (await deps.streams.load(apiKey, keyId)).state
  }

  return (text: string, request: KeyRequest): Promise<KeyActor> =>
    keyActor(deps, keyOf, text, request)
}

interface KeyRequest {
  /** The organization that the request names, where it names one. */
  readonly wanted: string | undefined
  readonly locale: string
}

/**
 * @throws Refusal unauthenticated, api_key_revoked, api_key_expired, organization_not_found
 */
async function keyActor(
  { streams, ids, clock }: KeyActorDeps,
  keyOf: (keyId: string) => Promise<ApiKeyState>,
  text: string,
  { wanted, locale }: KeyRequest,
): Promise<KeyActor> {
  // Before anything is read: what nobody could have been given costs nothing.
  const token = parseToken(text)
  if (!token) throw new Refusal('unauthenticated')
  const key = await keyOf(token.keyId)
  const at = clock.now().toISOString()
  const digest = Buffer.from(ids.sha256(token.secret))
  const known = (key ? digestsAt(key, at) : [NO_DIGEST]).map((one) =>
    timingSafeEqual(Buffer.from(one), digest),
  )
  if (!key || !known.includes(true)) throw new Refusal('unauthenticated')
  assertActive(key, at)
  const { orgId } = key
  if (wanted !== undefined && wanted !== orgId) throw new Refusal('organization_not_found')
  const { state: owner } = await streams.load(organization, orgId)
  if (!owner) throw new Refusal('unauthenticated')
  // A member may have issued it in the organization of an account that was taken over since.
  const answerable = new Set([
    key.issuedBy,
    ...(owner.kind === 'personal' ? [owner.creatorId] : []),
  ])
  for (const userId of answerable) {
    const { state: person } = await streams.load(user, userId)
    if (isFromBefore(person, key.issuedAt)) throw new Refusal('api_key_revoked')
  }
  const { scopes, agents, models } = key.terms
  return {
    kind: 'key',
    keyId: key.keyId,
    orgId,
    scopes,
    ...(agents && { agents }),
    ...(models && { models }),
    locale,
  }
}
