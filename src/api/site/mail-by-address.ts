/**
 * A page that asks for an address, and sends a mail with a link there. Its answer is the same for every
 * address.
 */
import { z } from 'zod'
import type { Deps } from '../../commands/deps.ts'
import { emailHmacOf } from '../../commands/user/find-user.ts'
import { askForMail, type MailByAddress } from '../../commands/user/mail-by-address.ts'
import { emailText } from '../../domain/user/email.ts'
import type { SiteMessages, Words } from '../../messages/site/site.ts'
import { type AnyRoute, type Answer, route } from '../route.ts'
import { anyone, form } from './door.ts'
import { emailField } from './fields.ts'
import { markup } from './html.ts'
import { done, note, type Setting, show } from './page.ts'

export interface AddressPage {
  readonly path: string
  /** `A page to ask for …`. */
  readonly asksFor: string
  /** The route of the API that does the same. */
  readonly as: string
  readonly action: 'verify' | 'forgot'
  readonly mail: MailByAddress
  readonly words: 'verifyAgain' | 'forgotPassword'
}

/** What leads there from the page of a link that is over. */
export const linkTo = ({ path, words }: AddressPage, site: SiteMessages) =>
  markup`<p><a href="${path}">${site[words].offer}</a></p>`

export function addressPages(deps: Deps, page: AddressPage): AnyRoute[] {
  const { path, asksFor, as, action, mail, words } = page
  const { publicUrl } = deps.settings
  return [
    route({
      method: 'GET',
      path: `/${path}`,
      tag: 'pages',
      summary: `A page to ask for ${asksFor}`,
      access: anyone(action, 'request'),
      query: z.object({}),
      answers: { 200: { description: 'A form', contentType: 'text/html' } },
      handler: ({ messages }) => addressForm({ messages, publicUrl }, page),
    }),
    route({
      method: 'POST',
      path: `/${path}`,
      tag: 'pages',
      summary: `What that page sends: as \`POST ${as}\``,
      access: anyone(action, 'password_reset'),
      principal: ({ email }) => emailHmacOf(deps, email),
      body: z.strictObject({ email: z.string().max(320) }),
      answers: { 200: { description: 'Asked for', contentType: 'text/html' } },
      async handler({ body, root, messages }) {
        const setting = { messages, publicUrl }
        const email = emailText.safeParse(body.email)
        if (!email.success) return addressForm(setting, page, messages.site.fields.emailWrong)
        await askForMail(deps, root, mail, email.data)
        return done(setting, messages.site[words].done)
      },
    }),
  ]
}

function addressForm(setting: Setting, page: AddressPage, wrong?: Words): Answer {
  const { site } = setting.messages
  const { title, text, button } = site[page.words]
  const send = form(
    page.path,
    {},
    markup`${emailField(site.fields.email)}<button>${button}</button>`,
  )
  const body = markup`<h1>${title}</h1>
    ${note(wrong)}
    <p>${text}</p>
    ${send}`
  return show(setting, { title, body, ...(wrong && { status: 400 }) })
}
