/**
 * The page that the link of a password mail opens, and the one that asks for such a link. A link that is
 * over says so before anybody has thought of a password.
 */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import { lookAtLink } from '../../commands/mail/look-at-link.ts'
import { passwordReset } from '../../commands/user/mail-by-address.ts'
import { resetPassword } from '../../commands/user/reset-password.ts'
import type { Words } from '../../messages/site/site.ts'
import { statusOf } from '../errors.ts'
import { type AnyRoute, type Answer, route } from '../route.ts'
import { anyone, form, orRefused } from './door.ts'
import { newPasswordFields, passwordField, saysTwice } from './fields.ts'
import { markup } from './html.ts'
import { linkQuery, linkToken } from './link.ts'
import { addressPages, linkTo } from './mail-by-address.ts'
import { done, note, refused, type Setting, settingFor, show, wordsOf } from './page.ts'

const forgot = {
  path: 'forgot-password',
  asksFor: 'a link to a new password',
  as: '/auth/password/forgot',
  action: 'forgot',
  mail: passwordReset,
  words: 'forgotPassword',
} as const

export const resetPasswordPages = (deps: Deps): AnyRoute[] => [
  openReset(deps),
  sendReset(deps),
  ...addressPages(deps, forgot),
]

/** The form; with what was wrong when it was sent before. */
function resetForm(
  setting: Setting,
  token: string,
  wrong?: { readonly status: number; readonly words: Words },
): Answer {
  const { title, text, button } = setting.messages.site.resetPassword
  const fields = markup`${newPasswordFields(setting.messages.site)}<button>${button}</button>`
  const body = markup`<h1>${title}</h1>
    ${note(wrong?.words)}
    <p>${text}</p>
    ${form('reset-password', { token }, fields)}`
  return show(setting, { title, body, status: wrong?.status ?? 200 })
}

const overAndDone = (setting: Setting): Answer =>
  refused(
    setting,
    { code: 'token_unusable', facts: {} },
    { more: linkTo(forgot, setting.messages.site) },
  )

const openReset = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/reset-password',
    tag: 'pages',
    summary: 'The page of a link to a new password',
    access: anyone('reset', 'request'),
    query: linkQuery,
    answers: { 200: { description: 'A form', contentType: 'text/html' } },
    problems: ['token_unusable'],
    async handler({ query: { token }, root, messages }) {
      const link = await lookAtLink(deps, 'reset_password', token, root.at)
      const setting = settingFor(deps.settings.publicUrl, messages, link?.locale)
      return link?.usable ? resetForm(setting, token) : overAndDone(setting)
    },
  })

const sendReset = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/reset-password',
    tag: 'pages',
    summary: 'What that page sends: as `POST /auth/password/reset`',
    access: anyone('reset', 'request'),
    principal: ({ token }) => deps.ids.sha256(token),
    body: z.strictObject({ token: linkToken, password: passwordField, again: passwordField }),
    answers: { 200: { description: 'The new password holds', contentType: 'text/html' } },
    problems: ['token_unusable', 'password_unacceptable', 'user_deactivated', 'too_many_hashes'],
    async handler({ body, root, messages }) {
      const { token, password } = body
      const link = await lookAtLink(deps, 'reset_password', token, root.at)
      const setting = settingFor(deps.settings.publicUrl, messages, link?.locale)
      const { differ, done: well } = setting.messages.site.resetPassword
      const wrong = (words: Words) =>
        resetForm(setting, token, { status: statusOf.password_unacceptable, words })
      if (!saysTwice(body)) return wrong(differ)
      return orRefused(
        setting,
        async () => {
          const { position } = await resetPassword(deps, root, { token, password })
          return done(setting, well, { position })
        },
        (refusal) => {
          if (refusal.code === 'token_unusable') return overAndDone(setting)
          const { messages: spoken } = setting
          return refusal.code === 'password_unacceptable'
            ? wrong(wordsOf(spoken, refusal))
            : refused(setting, refusal)
        },
      )
    },
  })
