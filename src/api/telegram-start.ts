/**
 * Where a browser begins to sign in by Telegram: the page with Telegram's button. It ties what comes back
 * to this browser (telegram-state.ts). The button is Telegram's own script in a frame of Telegram's, so
 * this page alone lets that host in.
 */
import { z } from 'zod'
import type { Deps } from '../commands/deps.ts'
import { Refusal } from '../domain/refusal.ts'
import { type AnyRoute, type RefusalPage, route } from './route.ts'
import { markup } from './site/html.ts'
import { refusalPage, show } from './site/page.ts'
import { challengeFields } from './telegram-challenge.ts'
import { freshState, stateCookie, theirState } from './telegram-state.ts'

const SCRIPT = 'https://telegram.org/js/telegram-widget.js?22'
const FRAME = 'https://oauth.telegram.org'

/** A page for a browser; a program gets the problem document. */
export const pageForBrowsers = (deps: Deps): RefusalPage => {
  const page = refusalPage(deps.settings.publicUrl)
  return (problem, request, messages) =>
    request.headers.accept?.includes('text/html') ? page(problem, request, messages) : undefined
}

export const telegramStart = (deps: Deps): AnyRoute =>
  route({
    method: 'GET',
    path: '/auth/telegram/start',
    tag: 'auth',
    summary: 'The page where a browser begins to sign in by Telegram',
    description:
      'Shows Telegram’s button, which leads back to GET /auth/telegram/callback, in this browser only. A ' +
      'dashboard that leads here gives a `code_challenge` (RFC 7636) or a `state`, so that it takes no sign-in ' +
      'that it has not begun.',
    query: z.object({ state: z.exactOptional(theirState), ...challengeFields }),
    access: { actor: 'anyone', resource: 'session', action: 'login', limits: ['request'] },
    refusalPage: pageForBrowsers(deps),
    answers: { 200: { description: 'The page', contentType: 'text/html' } },
    problems: ['telegram_off'],
    async handler({ query, messages, request }) {
      const { settings, telegramName, ids } = deps
      if (!settings.telegramLogin || !telegramName) throw new Refusal('telegram_off')
      const name = await telegramName()
      const state = freshState(ids, query.state)
      const { publicUrl } = settings
      const callback = new URL(`${publicUrl.replace(/\/+$/, '')}/auth/telegram/callback`)
      callback.searchParams.set('state', state)
      if (query.code_challenge !== undefined)
        callback.searchParams.set('code_challenge', query.code_challenge)
      const { title, text, withoutScript } = messages.site.telegramStart
      const page = show(
        { messages, publicUrl },
        {
          title,
          body: markup`<h1>${title}</h1>
            <p>${text}</p>
            <script
              async
              src="${SCRIPT}"
              data-telegram-login="${name}"
              data-size="large"
              data-auth-url="${callback.href}"
              data-request-access="write"
            ></script>
            <noscript><p>${withoutScript}</p></noscript>`,
          csp: { 'script-src': 'https://telegram.org', 'frame-src': FRAME },
        },
      )
      const cookie = stateCookie(request, settings, state)
      // Telegram compares the page's origin with the bot's domain. No address here holds a secret.
      const headers = { 'set-cookie': cookie, 'referrer-policy': 'strict-origin' }
      return { ...page, headers: { ...page.headers, ...headers } }
    },
  })
