/**
 * The page that the link of a verification mail opens, and the one that asks for another such link. Opening
 * them changes nothing, since scanners of mail follow links; the buttons do.
 */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import { lookAtLink } from '../../commands/mail/look-at-link.ts'
import { emailHmacOf } from '../../commands/user/find-user.ts'
import { askForVerification } from '../../commands/user/verification-again.ts'
import { verifyEmail } from '../../commands/user/verify-email.ts'
import { emailText } from '../../domain/user/email.ts'
import type { Words } from '../../messages/site/site.ts'
import { type AnyRoute, type Answer, route } from '../route.ts'
import { anyone, form, orRefused } from './door.ts'
import { emailField } from './fields.ts'
import { linkQuery, linkToken } from './link.ts'
import { markup } from './html.ts'
import { done, note, refused, type Setting, settingFor, show } from './page.ts'

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
    ...verifyAgainPages(deps),
  ]
}

const overAndDone = (setting: Setting): Answer =>
  refused(
    setting,
    { code: 'token_unusable', facts: {} },
    {
      more: markup`<p>
        <a href="verify-email-again">${setting.messages.site.verifyAgain.offer}</a>
      </p>`,
    },
  )

function againForm(setting: Setting, wrong?: Words): Answer {
  const { fields, verifyAgain: words } = setting.messages.site
  const inputs = markup`${emailField(fields.email)}<button>${words.button}</button>`
  const body = markup`<h1>${words.title}</h1>
    ${note(wrong)}
    <p>${words.text}</p>
    ${form('verify-email-again', {}, inputs)}`
  return show(setting, { title: words.title, body, ...(wrong && { status: 400 }) })
}

const verifyAgainPages = (deps: Deps): AnyRoute[] => [
  route({
    method: 'GET',
    path: '/verify-email-again',
    tag: 'pages',
    summary: 'A page to ask for another link that verifies an address',
    access: anyone('verify', 'request'),
    query: z.object({}),
    answers: { 200: { description: 'A form', contentType: 'text/html' } },
    handler: ({ messages }) => againForm({ messages, publicUrl: deps.settings.publicUrl }),
  }),
  route({
    method: 'POST',
    path: '/verify-email-again',
    tag: 'pages',
    summary: 'What that page sends: as `POST /auth/verify-email/resend`',
    access: anyone('verify', 'password_reset'),
    principal: ({ email }) => emailHmacOf(deps, email),
    body: z.strictObject({ email: z.string().max(320) }),
    answers: { 200: { description: 'Asked for', contentType: 'text/html' } },
    async handler({ body, root, messages }) {
      const setting = { messages, publicUrl: deps.settings.publicUrl }
      const email = emailText.safeParse(body.email)
      if (!email.success) return againForm(setting, messages.site.fields.emailWrong)
      await askForVerification(deps, root, email.data)
      return done(setting, messages.site.verifyAgain.done)
    },
  }),
]
