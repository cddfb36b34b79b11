/**
 * Registering, signing in, refreshing, and what the links of mails do. Nothing here tells whether an
 * address has an account: not the status, not the body, not a header, not the time it takes.
 */
import { z } from 'zod'
import type { Deps } from '../commands/deps.ts'
import { MAIL_TOKEN_LENGTH } from '../commands/mail/mail-token.ts'
import { refreshSession } from '../commands/session/refresh-session.ts'
import { signIn } from '../commands/session/sign-in.ts'
import { signOut } from '../commands/session/sign-out.ts'
import { emailHmacOf } from '../commands/user/find-user.ts'
import { registerUser } from '../commands/user/register-user.ts'
import { resetPassword } from '../commands/user/reset-password.ts'
import { askForMail, passwordReset, verification } from '../commands/user/mail-by-address.ts'
import { verifyEmail } from '../commands/user/verify-email.ts'
import type { LimitedAction } from '../domain/policy/events.ts'
import { Refusal } from '../domain/refusal.ts'
import { emailText } from '../domain/user/email.ts'
import { PASSWORD_MAX, PASSWORD_MIN } from '../domain/user/password-policy.ts'
import { locales } from '../messages/index.ts'
import { refreshCookie, tokenOfCookie } from './refresh-cookie.ts'
import { type AnyRoute, route } from './route.ts'
import { asCookie, deviceOf, tokenAnswer, tokenPair } from './token-answer.ts'

/** Longer than any that is accepted, so that the policy gives the reason; short enough to hash. */
export const passwordText = z
  .string()
  .min(1)
  .max(1_024)
  .meta({
    description: `${PASSWORD_MIN} to ${PASSWORD_MAX} characters, taken exactly as typed.`,
    format: 'password',
  })
const linkToken = z
  .string()
  .min(1)
  .max(MAIL_TOKEN_LENGTH)
  .meta({ description: 'The token of the link that was mailed.' })
const accepted = z.strictObject({ message: z.string() })

const anyone = (action: string, limit: LimitedAction) =>
  ({ actor: 'anyone', resource: 'session', action, limits: [limit] }) as const

export function authRoutes(deps: Deps): AnyRoute[] {
  const principal = ({ email }: { email: string }) => emailHmacOf(deps, email)
  const ofToken = ({ token }: { token: string }) => deps.ids.sha256(token)
  return [
    ...registration(deps, principal),
    ...sessions(deps, principal),
    ...passwords(deps, principal, ofToken),
    route({
      method: 'GET',
      path: '/.well-known/jwks.json',
      tag: 'auth',
      summary: 'The public keys that our tokens are signed with',
      access: { actor: 'anyone', resource: 'keys', action: 'read', limits: [] },
      answers: {
        200: { description: 'A JSON Web Key Set (RFC 7517)', schema: z.looseObject({}) },
      },
      handler: async () => ({
        body: await deps.tokens.jwks(),
        headers: { 'cache-control': 'public, max-age=300' },
      }),
    }),
  ]
}

type Principal = (body: { email: string }) => string

function registration(deps: Deps, principal: Principal): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path: '/auth/register',
      tag: 'auth',
      summary: 'Ask for an account',
      description:
        'The answer is the same whether the address is free or taken; its owner learns the rest by ' +
        'mail. Signing in is possible right after, before the address is verified.',
      access: anyone('register', 'registration'),
      principal,
      body: z.strictObject({
        email: emailText,
        password: passwordText,
        locale: z.exactOptional(z.enum(locales)),
        invitation_token: z.exactOptional(linkToken),
      }),
      answers: { 202: { description: 'Asked for', schema: accepted } },
      problems: [
        'password_unacceptable',
        'registration_closed',
        'invitation_unusable',
        'token_unusable',
        'too_many_hashes',
      ],
      async handler({ body, root, actor, messages }) {
        const { email, password, locale = actor.locale, invitation_token: token } = body
        const invited = token === undefined ? {} : { invitationToken: token }
        await registerUser(deps, root, { email, password, locale, ...invited })
        return { status: 202, body: { message: messages.texts.registered } }
      },
    }),
    route({
      method: 'POST',
      path: '/auth/verify-email',
      tag: 'auth',
      summary: 'Verify the address with the token that was mailed to it',
      access: anyone('verify', 'request'),
      principal: ({ token }) => deps.ids.sha256(token),
      body: z.strictObject({ token: linkToken }),
      answers: { 204: { description: 'Verified' } },
      problems: ['token_unusable', 'user_deactivated'],
      async handler({ body, root }) {
        const { position } = await verifyEmail(deps, root, body.token)
        return { status: 204, position }
      },
    }),
    route({
      method: 'POST',
      path: '/auth/verify-email/resend',
      tag: 'auth',
      summary: 'Ask for another link that verifies the address',
      description:
        'The answer is the same for every address. A mail goes to one that has an account and is not ' +
        'verified, at most one in five minutes; the links before stay good until their end.',
      access: anyone('verify', 'password_reset'),
      principal,
      body: z.strictObject({ email: emailText }),
      answers: { 202: { description: 'Asked for', schema: accepted } },
      async handler({ body, root, messages }) {
        await askForMail(deps, root, verification, body.email)
        return { status: 202, body: { message: messages.texts.registered } }
      },
    }),
  ]
}

function sessions(deps: Deps, principal: Principal): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path: '/auth/login',
      tag: 'auth',
      summary: 'Sign in',
      access: anyone('login', 'login'),
      principal,
      body: z.strictObject({ email: emailText, password: passwordText, refresh_cookie: asCookie }),
      answers: { 200: { description: 'Signed in', schema: tokenPair } },
      problems: ['invalid_credentials', 'too_many_hashes', 'session_ended'],
      async handler({ body, root, request, ip }) {
        const { email, password } = body
        const signedIn = await signIn(deps, root, { email, password, ...deviceOf(request, ip) })
        return tokenAnswer(deps, signedIn, body.refresh_cookie === true ? request : undefined)
      },
    }),
    route({
      method: 'POST',
      path: '/auth/refresh',
      tag: 'auth',
      summary: 'Exchange a refresh token for its successor',
      description:
        'Each refresh token works once. The same one again within 30 seconds, its successor being ' +
        'unused, gets the same successor; later it ends the session, since somebody has copied it. ' +
        'Without a body the token of the cookie is taken.',
      access: anyone('refresh', 'request'),
      body: z.strictObject({ refresh_token: z.exactOptional(z.string().min(1).max(2_048)) }),
      bodyOptional: true,
      answers: { 200: { description: 'The successor', schema: tokenPair } },
      problems: ['unauthenticated', 'session_ended', 'user_deactivated'],
      async handler({ body, root, request }) {
        const given = body.refresh_token
        const token = given ?? tokenOfCookie(request, deps.settings)
        const cookieTo = given === undefined ? request : undefined
        return tokenAnswer(deps, await refreshSession(deps, root, token), cookieTo)
      },
    }),
    route({
      method: 'POST',
      path: '/auth/logout',
      tag: 'auth',
      summary: 'End this session',
      access: { actor: 'user', resource: 'session', action: 'end', limits: ['request'] },
      answers: { 204: { description: 'Ended: none of its tokens is good any more' } },
      async handler({ actor, root, request }) {
        if (actor.kind !== 'user') throw new Refusal('unauthenticated')
        const { position } = await signOut(deps, root, actor)
        const headers = { 'set-cookie': refreshCookie(request, deps.settings, '', 0) }
        return { status: 204, position, headers }
      },
    }),
  ]
}

function passwords(
  deps: Deps,
  principal: Principal,
  ofToken: (body: { token: string }) => string,
): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path: '/auth/password/forgot',
      tag: 'auth',
      summary: 'Ask for a link to a new password',
      description:
        'The answer is the same for every address. The link works for ten minutes, once.',
      access: anyone('forgot', 'password_reset'),
      principal,
      body: z.strictObject({ email: emailText }),
      answers: { 202: { description: 'Asked for', schema: accepted } },
      async handler({ body, root, messages }) {
        await askForMail(deps, root, passwordReset, body.email)
        return { status: 202, body: { message: messages.texts.registered } }
      },
    }),
    route({
      method: 'POST',
      path: '/auth/password/reset',
      tag: 'auth',
      summary: 'Choose a new password with the token that was mailed',
      description: 'Ends every session of the person.',
      access: anyone('reset', 'request'),
      principal: ofToken,
      body: z.strictObject({ token: linkToken, password: passwordText }),
      answers: { 204: { description: 'The new password holds' } },
      problems: ['token_unusable', 'password_unacceptable', 'user_deactivated', 'too_many_hashes'],
      async handler({ body, root }) {
        const { position } = await resetPassword(deps, root, body)
        return { status: 204, position }
      },
    }),
  ]
}
