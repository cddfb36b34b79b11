/**
 * Ties a sign-in by Telegram to the browser that began it, so that nobody is signed in to somebody else's
 * account by a link (login CSRF): a random value in a cookie, and the same in the address that Telegram
 * leads back to. A state of somebody else's page is not ours to check: it goes back to that page, alone or,
 * where it came to our own page first, behind ours.
 */
import type { FastifyRequest } from 'fastify'
import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { Settings } from '../commands/deps.ts'
import { Refusal } from '../domain/refusal.ts'
import type { Ids } from '../ports/ids.ts'

const NAME = 'daybook_telegram_state'
const LIFE_S = 10 * 60
const OURS = 'daybook.'

/** Of a dashboard or of a page with a widget. */
export const theirState = z
  .string()
  .regex(/^(?!daybook\.)[\w.~-]{1,128}$/, '1 to 128 of A-Z, a-z, 0-9, ., _, ~ and -')
  .meta({
    description:
      'Yours: it comes back unchanged to DASHBOARD_URL. It must not begin with `daybook.`.',
  })

/** Ours has room for theirs behind it. */
const STATE = /^(daybook\.[\w.~-]{1,240}|[\w.~-]{1,128})$/

export const stateText = z.string().regex(STATE, '1 to 128 of A-Z, a-z, 0-9, ., _, ~ and -').meta({
  description:
    'Of GET /auth/telegram/start: it must be this browser’s. Any other is yours, and is handed on.',
})

export const freshState = (ids: Pick<Ids, 'secret'>, theirs: string | undefined): string =>
  [`${OURS}${ids.secret()}`, ...(theirs === undefined ? [] : [theirs])].join('.')

/** A Set-Cookie header; without a state the browser forgets it. */
export function stateCookie(
  { server }: FastifyRequest,
  { publicUrl }: Pick<Settings, 'publicUrl'>,
  state?: string,
): string {
  const url = new URL(publicUrl)
  return server.serializeCookie(NAME, state ?? '', {
    httpOnly: true,
    // Telegram leads back here from its own pages.
    sameSite: 'lax',
    secure: url.protocol === 'https:',
    path: `${url.pathname.replace(/\/+$/, '')}/auth/telegram`,
    maxAge: state === undefined ? 0 : LIFE_S,
  })
}

export interface ReadState {
  readonly ours: boolean
  /** What the dashboard gets back. */
  readonly theirs: string | undefined
}

/** @throws Refusal telegram_login_refused for a state that we gave to another browser. */
export function readState(
  { server, headers }: FastifyRequest,
  state: string | undefined,
): ReadState {
  if (!state?.startsWith(OURS)) return { ours: false, theirs: state }
  const kept = Buffer.from(server.parseCookie(headers.cookie ?? '')[NAME] ?? '')
  const given = Buffer.from(state)
  if (kept.length !== given.length || !timingSafeEqual(kept, given))
    throw new Refusal('telegram_login_refused')
  const [, , ...theirs] = state.split('.')
  return { ours: true, theirs: theirs.length === 0 ? undefined : theirs.join('.') }
}
