/**
 * The page that the link of a verification mail opens, and the one that asks for another such link. Opening
 * them changes nothing, since scanners of mail follow links; the buttons do.
 */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import { lookAtLink } from '../../commands/mail/look-at-link.ts'
import { verification } from '../../commands/user/mail-by-address.ts'
import { verifyEmail } from '../../commands/user/verify-email.ts'
import { type AnyRoute, type Answer, route } from '../route.ts'
import { anyone, form, orRefused } from './door.ts'
import { linkQuery, linkToken } from './link.ts'
import { markup } from './html.ts'
import { addressPages, linkTo } from './mail-by-address.ts'
import { done, refused, type Setting, settingFor, show } from './page.ts'

const again = {
  path: 'verify-email-again',
  asksFor: 'another link that verifies an address',
  as: '/auth/verify-email/resend',
  action: 'verify',
  mail: verification,
  words: 'verifyAgain',
} as const

export function verifyEmailPages(deps: Deps): AnyRoute[] {
  const { publicUrl } = deps.settings
  return [
    route({
      method: 'GET',
      path: '/verify-email',
      tag: 'pages',
      summary: 'The page of a link that verifies an address',
      access: anyone('verify', 'request'),
      query: linkQuery,
      answers: { 200: { description: 'A form', contentType: 'text/html' } },
      problems: ['token_unusable'],
      async handler({ query: { token }, root, messages }) {
        const link = await lookAtLink(deps, 'verify_email', token, root.at)
        const setting = settingFor(publicUrl, messages, link?.locale)
        if (!link?.usable) return overAndDone(setting)
        const { title, text, button } = setting.messages.site.verifyEmail
        const address = link.recipient && markup`<p><strong>${link.recipient}</strong></p>`
        const send = form('verify-email', { token }, markup`<button>${button}</button>`)
        return show(setting, {
          title,
          body: markup`<h1>${title}</h1>
            <p>${text}</p>
            ${address}${send}`,
        })
      },
    }),
    route({
      method: 'POST',
      path: '/verify-email',
      tag: 'pages',
      summary: 'What that page sends: as `POST /auth/verify-email`',
      access: anyone('verify', 'request'),
      principal: ({ token }) => deps.ids.sha256(token),
      body: z.strictObject({ token: linkToken }),
      answers: { 200: { description: 'Verified', contentType: 'text/html' } },
      problems: ['token_unusable', 'user_deactivated'],
      async handler({ body: { token }, root, messages }) {
        const link = await lookAtLink(deps, 'verify_email', token, root.at)
        const setting = settingFor(publicUrl, messages, link?.locale)
        return orRefused(
          setting,
          async () => {
            const { position } = await verifyEmail(deps, root, token)
            return done(setting, setting.messages.site.verifyEmail.done, { position })
          },
          (refusal) =>
            refusal.code === 'token_unusable' ? overAndDone(setting) : refused(setting, refusal),
        )
      },
    }),
    ...addressPages(deps, again),
  ]
}

const overAndDone = (setting: Setting): Answer =>
  refused(
    setting,
    { code: 'token_unusable', facts: {} },
    { more: linkTo(again, setting.messages.site) },
  )
