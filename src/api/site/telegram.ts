/**
 * Where a sign-in by Telegram ends without a dashboard: whom Telegram has named, a button, and the tokens
 * for the person's programs. No cookie is set: a link cannot sign anybody in to somebody else's account.
 */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import type { SignedIn } from '../../commands/session/start-session.ts'
import { CODE_LENGTH } from '../../commands/user/telegram/code.ts'
import { lookAtCode } from '../../commands/user/telegram/look-at-code.ts'
import { exchangeTelegramCode } from '../../commands/user/telegram/sign-in-by-telegram.ts'
import { type AnyRoute, type Answer, route } from '../route.ts'
import { deviceOf } from '../token-answer.ts'
import { anyone, form, orRefused } from './door.ts'
import { type Html, markup } from './html.ts'
import { done, refused, type Setting, settingFor, show } from './page.ts'

export const telegramPages = (deps: Deps): AnyRoute[] => [finishing(deps), finished(deps)]

const over = (setting: Setting): Answer => {
  const { again, over: words } = setting.messages.site.telegram
  const more = markup`<p><a href="auth/telegram/start">${again}</a></p>`
  return refused(setting, { code: 'token_unusable', facts: {} }, { words, more })
}

const code = z.string().min(1).max(CODE_LENGTH)

const finishing = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/telegram',
    tag: 'pages',
    summary: 'The page that a sign-in by Telegram ends at',
    access: anyone('login', 'request'),
    query: z.object({ code }),
    answers: { 200: { description: 'A form', contentType: 'text/html' } },
    problems: ['token_unusable'],
    async handler({ query, root, messages }) {
      const found = await lookAtCode(deps, query.code, root.at)
      const setting = settingFor(deps.settings.publicUrl, messages, found?.locale)
      if (!found) return over(setting)
      const { title, text, button } = setting.messages.site.telegram
      const send = form('telegram', { code: query.code }, markup`<button>${button}</button>`)
      return show(setting, {
        title,
        body: markup`<h1>${title}</h1><p>${text(found.username)}</p>${send}`,
      })
    },
  })

const finished = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/telegram',
    tag: 'pages',
    summary: 'What that page sends: as `POST /auth/telegram/exchange`',
    access: anyone('login', 'login'),
    principal: (body) => deps.ids.sha256(body.code),
    body: z.strictObject({ code }),
    answers: { 200: { description: 'Signed in', contentType: 'text/html' } },
    problems: ['telegram_off', 'token_unusable', 'telegram_login_refused', 'session_ended'],
    async handler({ body, root, messages, request, ip }) {
      const found = await lookAtCode(deps, body.code, root.at)
      const setting = settingFor(deps.settings.publicUrl, messages, found?.locale)
      const device = deviceOf(request, ip)
      return orRefused(
        setting,
        async () => {
          const signedIn = await exchangeTelegramCode(deps, root, { code: body.code, device })
          const { position } = signedIn
          const more = nextSteps(setting, signedIn)
          return done(setting, setting.messages.site.telegram.done, { position, more })
        },
        (refusal) =>
          refusal.code === 'token_unusable' ? over(setting) : refused(setting, refusal),
      )
    },
  })

/** Without a dashboard the person's programs are what is signed in. */
function nextSteps({ messages, publicUrl }: Setting, { tokens }: SignedIn): Html {
  const { next, accessToken, refreshToken } = messages.site.telegram
  const token = (id: string, label: string, value: string) =>
    markup`<label for="${id}">${label}</label>
<textarea id="${id}" rows="4" readonly spellcheck="false">${value}</textarea>`
  const minutes = Math.round(tokens.expiresInS / 60)
  const days = Math.round(tokens.refreshExpiresInS / 86_400)
  return markup`<section><h2>${next.title}</h2><p>${next.text}</p>
${token('access', accessToken(minutes), tokens.accessToken)}
${token('refresh', refreshToken(days), tokens.refreshToken)}
<pre>curl ${publicUrl}/me \\
  -H 'authorization: Bearer …'</pre></section>`
}
