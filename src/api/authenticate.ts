/**
 * From a request to an actor: the token says who and which session, or is a key; whether that session or
 * key lives, the person is active and which role they have is read from the streams, at every request.
 */
import type { FastifyRequest } from 'fastify'
import type { AccessFacts } from '../commands/access-facts.ts'
import type { AccessRule, Actor } from '../commands/access.ts'
import { looksLikeKey } from '../domain/api-key/token.ts'
import { Refusal } from '../domain/refusal.ts'
import { localeFrom } from '../messages/index.ts'
import type { Clock } from '../ports/clock.ts'
import type { Tokens } from '../ports/tokens.ts'

export interface AuthenticateDeps {
  readonly tokens: Tokens
  readonly clock: Clock
  readonly facts: AccessFacts
}

const MAX_TOKEN = 4_096

/**
 * Who asks; what they may do is `authorize`'s.
 * @throws Refusal unauthenticated, session_ended, user_deactivated, organization_required,
 *   organization_not_found, api_key_revoked, api_key_expired.
 */
export async function authenticate(
  { tokens, clock, facts }: AuthenticateDeps,
  request: FastifyRequest,
  rule: AccessRule,
): Promise<Actor> {
  const spoken = () => localeFrom(request.headers['accept-language'])
  if (rule.actor === 'anyone') return { kind: 'anonymous', locale: spoken() }
  const token = bearer(request.headers.authorization)
  if (token === undefined) throw new Refusal('unauthenticated')
  const wanted = organizationHeader(request)
  if (looksLikeKey(token)) return facts.keyActorOf(token, { wanted, locale: spoken() })
  const claims = await tokens.verifyAccess(token, clock.now())
  if (!claims) throw new Refusal('unauthenticated')
  try {
    const { role, orAdministrator } = rule
    return await facts.actorOf(claims, role === undefined ? undefined : { wanted, orAdministrator })
  } catch (error) {
    // Nobody yet, but the refusal is said in the language of the person who is refused.
    const locale = (await facts.localeOf(claims).catch(() => undefined)) ?? spoken()
    request.actor = { kind: 'anonymous', locale }
    throw error
  }
}

function bearer(header: string | undefined): string | undefined {
  const match = /^Bearer ([\w.~+/=-]+)$/i.exec(header ?? '')
  return match?.[1] && match[1].length <= MAX_TOKEN ? match[1] : undefined
}

function organizationHeader(request: FastifyRequest): string | undefined {
  const header = request.headers['x-organization-id']
  return typeof header === 'string' && header !== '' ? header : undefined
}
