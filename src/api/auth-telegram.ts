/**
 * Signing in by Telegram: what its widget signed comes back here, by a redirect of the browser (GET) or
 * from a script (POST). A redirect goes to DASHBOARD_URL or to our own page and nowhere else, with a code
 * unless the operator chose otherwise. What is wrong with signed data is never said.
 */
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Deps, Settings } from '../commands/deps.ts'
import type { TokenPair } from '../commands/session/issue-tokens.ts'
import { CODE_LENGTH } from '../commands/user/telegram/code.ts'
import {
  codeByTelegram,
  exchangeTelegramCode,
  signInByTelegram,
} from '../commands/user/telegram/sign-in-by-telegram.ts'
import type { SignedFields } from '../commands/user/telegram/signed-login.ts'
import { type AnyRoute, route } from './route.ts'
import { pageForBrowsers, telegramStart } from './telegram-start.ts'
import { challengeFields, codeVerifier } from './telegram-challenge.ts'
import { readState, stateCookie, stateText } from './telegram-state.ts'
import { asCookie, deviceOf, tokenAnswer, tokenPair } from './token-answer.ts'

const name = z.string().regex(/^[a-z][a-z0-9_]{0,31}$/, 'a name of a field')
const text = z.string().max(1_024)
/** As scripts get it, with numbers as such. */
const value = z.union([text, z.int().min(0)])

/** Every field that Telegram signed counts, also those that nobody knows yet. */
export const signedBody = z.record(name, value).meta({
  id: 'TelegramLogin',
  description:
    'What the widget gave to the page, whole: id, first_name, last_name, username, photo_url, auth_date, hash.',
})
export const fieldsOf = (signed: Readonly<Record<string, string | number>>): SignedFields =>
  Object.fromEntries(Object.entries(signed).map(([key, given]) => [key, String(given)]))

const signing = {
  actor: 'anyone',
  resource: 'session',
  action: 'login',
  limits: ['login'],
} as const
const refusals = ['telegram_off', 'telegram_login_refused', 'registration_closed'] as const

export const telegramAuthRoutes = (deps: Deps): AnyRoute[] => [
  telegramStart(deps),
  redirected(deps),
  posted(deps),
  exchanged(deps),
]

const redirected = (deps: Deps): AnyRoute =>
  route({
    method: 'GET',
    path: '/auth/telegram/callback',
    tag: 'auth',
    summary: 'Where Telegram’s widget leads the browser back to',
    description:
      'Checks what Telegram signed and leads on: to DASHBOARD_URL, or to the built-in page /telegram. By ' +
      'default with a `code` for POST /auth/telegram/exchange. Signed data works once, for a short time. ' +
      'With a `code_challenge` the dashboard gets a code in any case, good with its `code_verifier` alone.',
    access: signing,
    refusalPage: pageForBrowsers(deps),
    query: z.object({ state: z.exactOptional(stateText), ...challengeFields }).catchall(text),
    answers: { 303: { description: 'To the dashboard, or to the built-in page' } },
    problems: [...refusals],
    async handler({ query, root, actor, request, ip }) {
      const { state, code_challenge: challenge, code_challenge_method: _, ...fields } = query
      const { ours, theirs } = readState(request, state)
      const { carried, fragment, position } = await carriedTo(deps, {
        root,
        fields,
        locale: actor.locale,
        device: deviceOf(request, ip),
        challenge,
      })
      const handedOn = theirs === undefined ? {} : { state: theirs }
      const location = destination(deps.settings, { ...carried, ...handedOn }, fragment)
      return {
        status: 303,
        position,
        headers: {
          location,
          'referrer-policy': 'no-referrer',
          ...(ours && { 'set-cookie': stateCookie(request, deps.settings) }),
        },
      }
    },
  })

type Signing = Parameters<typeof signInByTelegram>[2] & {
  readonly root: Parameters<typeof signInByTelegram>[1]
  readonly challenge: string | undefined
}

/**
 * What the dashboard is given, as the operator chose. Our own page gets a code, and keeps no verifier. Whoever
 * gave a challenge gets no tokens without proof.
 */
async function carriedTo(deps: Deps, { root, challenge, ...signed }: Signing) {
  const { dashboardUrl, telegramLogin } = deps.settings
  const bound = dashboardUrl === undefined ? undefined : challenge
  const way = dashboardUrl === undefined || bound !== undefined ? 'code' : telegramLogin?.tokens
  if (way === 'fragment' || way === 'query') {
    const { tokens, position } = await signInByTelegram(deps, root, signed)
    return { carried: parametersOf(tokens), fragment: way === 'fragment', position }
  }
  const { code, position } = await codeByTelegram(deps, root, { ...signed, challenge: bound })
  return { carried: { code }, fragment: false, position }
}

const parametersOf = (tokens: TokenPair): Record<string, string> => ({
  access_token: tokens.accessToken,
  refresh_token: tokens.refreshToken,
  token_type: 'Bearer',
  expires_in: String(tokens.expiresInS),
  refresh_expires_in: String(tokens.refreshExpiresInS),
})

/** Of the configuration alone: nothing of a request says where to. */
function destination(
  { dashboardUrl, publicUrl }: Pick<Settings, 'dashboardUrl' | 'publicUrl'>,
  parameters: Readonly<Record<string, string>>,
  fragment: boolean,
): string {
  const url = new URL(dashboardUrl ?? `${publicUrl.replace(/\/+$/, '')}/telegram`)
  if (fragment) url.hash = new URLSearchParams(parameters).toString()
  else for (const [key, given] of Object.entries(parameters)) url.searchParams.set(key, given)
  return url.href
}

const posted = (deps: Deps): AnyRoute =>
  route({
    method: 'POST',
    path: '/auth/telegram/callback',
    tag: 'auth',
    summary: 'Sign in by what Telegram’s widget gave to a page',
    description:
      'Send all that the widget gave, unchanged. Signed data works once, for a short time. Whoever is new ' +
      'gets an account with a made-up address.',
    access: signing,
    principal: ({ hash }) => deps.ids.sha256(String(hash)),
    body: z.object({ refresh_cookie: asCookie }).catchall(value),
    answers: { 200: { description: 'Signed in', schema: tokenPair } },
    problems: [...refusals, 'session_ended'],
    async handler({ body, root, actor, request, ip }) {
      const { refresh_cookie: cookie, ...signed } = body
      const signedIn = await signInByTelegram(deps, root, {
        fields: fieldsOf(signed),
        locale: actor.locale,
        device: deviceOf(request, ip),
      })
      return tokenAnswer(deps, signedIn, cookieTo(request, cookie))
    },
  })

const cookieTo = (request: FastifyRequest, wanted: boolean | undefined) =>
  wanted === true ? request : undefined

const exchanged = (deps: Deps): AnyRoute =>
  route({
    method: 'POST',
    path: '/auth/telegram/exchange',
    tag: 'auth',
    summary: 'Exchange the code of a sign-in by Telegram for tokens',
    description:
      'The code works once, within a minute of the sign-in. Always send the `code_verifier` of a sign-in that ' +
      'this browser began with a `code_challenge`: then a code of somebody else’s sign-in gets 422.',
    access: signing,
    principal: ({ code }) => deps.ids.sha256(code),
    body: z.strictObject({
      code: z.string().min(1).max(CODE_LENGTH),
      code_verifier: codeVerifier,
      refresh_cookie: asCookie,
    }),
    answers: { 200: { description: 'Signed in', schema: tokenPair } },
    problems: ['telegram_off', 'token_unusable', 'telegram_login_refused', 'session_ended'],
    async handler({ body, root, request, ip }) {
      const { code, code_verifier: verifier, refresh_cookie: cookie } = body
      const device = deviceOf(request, ip)
      const signedIn = await exchangeTelegramCode(deps, root, { code, verifier, device })
      return tokenAnswer(deps, signedIn, cookieTo(request, cookie))
    },
  })
