/**
 * The page that the link of an invitation opens: whoever has an account joins with its password, whoever
 * has none makes one. Both prove the address by the link, and neither begins a session.
 */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import type { Root } from '../../commands/context.ts'
import { type Link, lookAtLink } from '../../commands/mail/look-at-link.ts'
import { acceptInvitation } from '../../commands/organization/accept-invitation.ts'
import { provePassword } from '../../commands/session/prove-password.ts'
import { emailHmacOf } from '../../commands/user/find-user.ts'
import { registerUser } from '../../commands/user/register-user.ts'
import { Refusal } from '../../domain/refusal.ts'
import { normalizeEmail } from '../../domain/user/email.ts'
import type { Words } from '../../messages/site/site.ts'
import { statusOf } from '../errors.ts'
import { type AnyRoute, type Answer, type Call, route } from '../route.ts'
import { anyone, form, orRefused } from './door.ts'
import { emailField, newPasswordFields, passwordField, passwordInput, saysTwice } from './fields.ts'
import { type Html, markup } from './html.ts'
import { linkQuery, linkToken } from './link.ts'
import { done, note, refused, type Setting, settingFor, show, wordsOf } from './page.ts'

export const invitationPages = (deps: Deps): AnyRoute[] => [
  openInvitation(deps),
  joinWithAccount(deps),
  joinAsNewcomer(deps),
]

const email = z.string().max(320)

/** A usable invitation, as its mail says. */
interface Invited {
  readonly setting: Setting
  readonly token: string
  readonly link: Link & { readonly recipient: string }
}

type Wrong = { readonly status: number; readonly words: Words }

function invitationForms(
  { settings }: Deps,
  { setting, token, link }: Invited,
  wrong: { readonly member?: Wrong; readonly newcomer?: Wrong } = {},
): Answer {
  const { fields, invitation: words } = setting.messages.site
  const { recipient, facts } = link
  const title = words.title(facts['organization'])
  const address = (id: string) => emailField(fields.email, recipient, id)
  const part = (
    { title: heading, text, button }: Words & { readonly button: string },
    action: string,
    [hint, inputs]: readonly [Wrong | undefined, Html],
  ) =>
    markup`<section>
      <h2>${heading}</h2>
      <p>${text}</p>
      ${note(hint?.words)}${form(action, { token }, markup`${inputs}<button>${button}</button>`)}
    </section>`
  const member = markup`${address('email')}${passwordInput(fields.password)}`
  const newcomer = markup`${address('email-new')}${newPasswordFields(setting.messages.site)}`
  const body = markup`<h1>${title}</h1>
    <p>${words.text(recipient)}</p>
    ${part(words.member, 'invitation', [wrong.member, member])}
    ${settings.registration !== 'closed' && part(words.newcomer, 'register-invited', [wrong.newcomer, newcomer])}`
  return show(setting, { title, body, status: (wrong.member ?? wrong.newcomer)?.status ?? 200 })
}

/** The invitation of a token, or the page that says why there is none. */
async function invited(
  deps: Deps,
  { root, messages }: Pick<Call<unknown, unknown, unknown>, 'root' | 'messages'>,
  token: string,
): Promise<{ readonly setting: Setting; readonly link: Link | undefined }> {
  const link = await lookAtLink(deps, 'invitation', token, root.at)
  return { link, setting: settingFor(deps.settings.publicUrl, messages, link?.locale) }
}

const over = (setting: Setting): Answer =>
  refused(setting, { code: 'invitation_unusable', facts: {} })

const hasRecipient = (link: Link | undefined): link is Invited['link'] =>
  link?.recipient !== undefined

const openInvitation = (deps: Deps) =>
  route({
    method: 'GET',
    path: '/invitation',
    tag: 'pages',
    summary: 'The page of an invitation',
    access: anyone('join', 'request'),
    query: linkQuery,
    answers: { 200: { description: 'Forms', contentType: 'text/html' } },
    problems: ['invitation_unusable'],
    async handler(call) {
      const { token } = call.query
      const { link, setting } = await invited(deps, call, token)
      if (!link?.usable || !hasRecipient(link)) return over(setting)
      return invitationForms(deps, { setting, token, link })
    },
  })

const joinWithAccount = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/invitation',
    tag: 'pages',
    summary: 'What that page sends with the password of an account',
    access: anyone('join', 'login'),
    principal: (body) => emailHmacOf(deps, body.email),
    body: z.strictObject({ token: linkToken, email, password: passwordField }),
    answers: { 200: { description: 'Joined', contentType: 'text/html' } },
    problems: ['invalid_credentials', 'invitation_unusable', 'already_member', 'too_many_hashes'],
    async handler(call) {
      const { body, root } = call
      const { link, setting } = await invited(deps, call, body.token)
      if (!hasRecipient(link) || !isFor(link, body.email)) return over(setting)
      const to = { setting, token: body.token, link }
      return orRefused(
        setting,
        () => join(deps, root, to, body.password),
        (refusal) => {
          if (refusal.code !== 'invalid_credentials') return refusedToJoin(setting, refusal)
          const words = wordsOf(setting.messages, refusal)
          return invitationForms(deps, to, { member: { status: statusOf[refusal.code], words } })
        },
      )
    },
  })

const joinAsNewcomer = (deps: Deps) =>
  route({
    method: 'POST',
    path: '/register-invited',
    tag: 'pages',
    summary: 'What that page sends to make an account and join',
    access: anyone('join', 'registration'),
    principal: (body) => emailHmacOf(deps, body.email),
    body: z.strictObject({
      token: linkToken,
      email,
      password: passwordField,
      again: passwordField,
    }),
    answers: { 200: { description: 'Joined', contentType: 'text/html' } },
    problems: [
      'password_unacceptable',
      'invalid_credentials',
      'registration_closed',
      'invitation_unusable',
      'already_member',
      'too_many_hashes',
    ],
    async handler(call) {
      const { body, root } = call
      const { token, password } = body
      const { link, setting } = await invited(deps, call, token)
      // Only the address that the link was sent to: of no other may this page tell whether it is taken.
      if (!hasRecipient(link) || !isFor(link, body.email)) return over(setting)
      const { site } = setting.messages
      const to = { setting, token, link }
      const status = statusOf.password_unacceptable
      if (!saysTwice(body))
        return invitationForms(deps, to, {
          newcomer: { status, words: site.resetPassword.differ },
        })
      const { locale } = setting.messages
      return orRefused(
        setting,
        async () => {
          const asked = {
            email: normalizeEmail(body.email),
            password,
            locale,
            invitationToken: token,
          }
          // By a link that is over nobody gets an account; whoever has joined by it already finds that out.
          if (link.usable) await registerUser(deps, root, asked)
          return join(deps, root, to, password)
        },
        (refusal) => {
          const words = wordsOf(setting.messages, refusal)
          if (refusal.code === 'password_unacceptable')
            return invitationForms(deps, to, { newcomer: { status, words } })
          if (refusal.code !== 'invalid_credentials') return refusedToJoin(setting, refusal)
          if (!link.usable) return over(setting)
          const taken = { status: statusOf[refusal.code], words: site.invitation.hasAccount }
          return invitationForms(deps, to, { member: taken })
        },
      )
    },
  })

const isFor = ({ recipient }: Invited['link'], address: string): boolean =>
  normalizeEmail(recipient) === normalizeEmail(address)

async function join(
  deps: Deps,
  root: Root,
  { setting, token, link }: Invited,
  password: string,
): Promise<Answer> {
  const { userId } = await provePassword(deps, root, { email: link.recipient, password })
  const { position } = await acceptInvitation(deps, root, { token, userId })
  const words = setting.messages.site.invitation.done(link.facts['organization'])
  return done(setting, words, { position })
}

const refusedToJoin = (setting: Setting, refusal: Refusal): Answer =>
  refusal.code === 'token_unusable' ? over(setting) : refused(setting, refusal)
