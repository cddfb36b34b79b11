/**
 * The refresh token as a cookie that no script can read, for browsers that ask for it. SameSite=Strict,
 * only for /auth, and only believed together with an Origin that may call us: a foreign page can send
 * neither (RFC 6265bis §5.2, ASVS 3.3).
 */
import type { FastifyRequest } from 'fastify'
import type { Settings } from '../commands/deps.ts'
import { Refusal } from '../domain/refusal.ts'

const NAME = 'daybook_refresh'

type Urls = Pick<Settings, 'publicUrl' | 'dashboardUrl' | 'corsOrigins'>

/** A Set-Cookie header; `maxAgeS` 0 makes the browser forget it. */
export function refreshCookie(
  { server }: FastifyRequest,
  { publicUrl }: Urls,
  token: string,
  maxAgeS: number,
): string {
  const url = new URL(publicUrl)
  return server.serializeCookie(NAME, token, {
    httpOnly: true,
    sameSite: 'strict',
    secure: url.protocol === 'https:',
    path: `${url.pathname.replace(/\/+$/, '')}/auth`,
    maxAge: maxAgeS,
  })
}

/** The token of the cookie. @throws Refusal unauthenticated without one, or from an origin not ours. */
export function tokenOfCookie({ server, headers }: FastifyRequest, urls: Urls): string {
  const token = server.parseCookie(headers.cookie ?? '')[NAME]
  if (!token) throw new Refusal('unauthenticated')
  const { publicUrl, dashboardUrl, corsOrigins } = urls
  const own = [publicUrl, ...(dashboardUrl === undefined ? [] : [dashboardUrl])]
  const allowed = [...own.map((url) => new URL(url).origin), ...corsOrigins]
  if (headers.origin === undefined || !allowed.includes(headers.origin))
    throw new Refusal('unauthenticated')
  return token
}
