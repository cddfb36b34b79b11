/** The pair of tokens as an answer, whichever way somebody got in; the refresh token as a cookie on request. */
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Deps } from '../commands/deps.ts'
import type { Device, SignedIn } from '../commands/session/start-session.ts'
import { refreshCookie } from './refresh-cookie.ts'
import type { Answer } from './route.ts'
import { userOf, userSchema } from './user-schema.ts'

export const tokenPair = z
  .strictObject({
    access_token: z.string(),
    refresh_token: z
      .exactOptional(z.string())
      .meta({ description: 'Absent where it was set as a cookie.' }),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'Seconds.' }),
    refresh_expires_in: z.int().meta({ description: 'Seconds.' }),
    user: userSchema,
  })
  .meta({ id: 'SignedIn' })

export const asCookie = z
  .exactOptional(z.boolean())
  .meta({ description: 'Set the refresh token as an httpOnly cookie instead of naming it here.' })

/** What a person will recognise the session by. */
export function deviceOf({ headers }: FastifyRequest, address: string): Device {
  const userAgent = headers['user-agent']?.slice(0, 300)
  return { address, ...(userAgent !== undefined && { userAgent }) }
}

export function tokenAnswer(
  { settings }: Deps,
  { tokens, user, position }: SignedIn,
  /** Whose browser keeps the refresh token as a cookie. */
  cookieTo: FastifyRequest | undefined,
): Answer<z.output<typeof tokenPair>> {
  const { accessToken, refreshToken, expiresInS, refreshExpiresInS } = tokens
  return {
    body: {
      access_token: accessToken,
      ...(cookieTo ? {} : { refresh_token: refreshToken }),
      token_type: 'Bearer',
      expires_in: expiresInS,
      refresh_expires_in: refreshExpiresInS,
      user: userOf(user),
    },
    ...(cookieTo && {
      headers: {
        'set-cookie': refreshCookie(cookieTo, settings, refreshToken, refreshExpiresInS),
      },
    }),
    position,
  }
}
