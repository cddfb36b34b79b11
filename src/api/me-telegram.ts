/**
 * The signed-in person's Telegram account: linking, unlinking, and a code by which the bot learns who
 * they are. It changes how one gets in, so the password is asked for, as for an address.
 */
import { z } from 'zod'
import type { UserActor } from '../commands/access.ts'
import type { Deps } from '../commands/deps.ts'
import { proveSelf, type Self } from '../commands/user/prove-self.ts'
import { askForLinkCode } from '../commands/user/telegram/link-code.ts'
import { linkSigned } from '../commands/user/telegram/link-signed.ts'
import { unlinkTelegram } from '../commands/user/telegram/unlink-telegram.ts'
import { signedIn } from './actor.ts'
import { fieldsOf, signedBody } from './auth-telegram.ts'
import { passwordText } from './auth.ts'
import { type AnyRoute, route } from './route.ts'
import { timeSchema } from './schemas.ts'

/** It takes a password, so whoever has a stolen session must not try passwords here either. */
const self = {
  actor: 'user',
  resource: 'me',
  action: 'change',
  limits: ['request', 'login'],
} as const
const proofs = [
  'telegram_off',
  'current_password_wrong',
  'sign_in_again',
  'too_many_hashes',
] as const

const currentPassword = z.exactOptional(passwordText).meta({
  description: 'Needed where you have a password; else a sign-in of the last ten minutes is.',
})

const selfOf = ({ userId, sessionId }: UserActor, password: string | undefined): Self => ({
  userId,
  sessionId,
  ...(password !== undefined && { currentPassword: password }),
})

export const myTelegramRoutes = (deps: Deps): AnyRoute[] => [
  linking(deps),
  unlinking(deps),
  askingForCode(deps),
]

const linking = (deps: Deps): AnyRoute =>
  route({
    method: 'POST',
    path: '/me/telegram',
    tag: 'me',
    summary: 'Link a Telegram account, to sign in by it',
    description: 'Send what its widget gave to the page, unchanged, as `login`. It works once.',
    access: self,
    body: z.strictObject({ login: signedBody, current_password: currentPassword }),
    answers: { 204: { description: 'Linked' } },
    problems: [
      ...proofs,
      'telegram_login_refused',
      'telegram_taken',
      'telegram_already_linked',
      'token_unusable',
    ],
    async handler({ actor, body, root }) {
      const { login, current_password: password } = body
      const who = selfOf(signedIn(actor), password)
      const { position } = await linkSigned(deps, root, who, fieldsOf(login))
      return { status: 204, position }
    },
  })

const unlinking = (deps: Deps): AnyRoute =>
  route({
    method: 'DELETE',
    path: '/me/telegram',
    tag: 'me',
    summary: 'Unlink my Telegram account',
    description: 'Ends my other sessions that began by it. Refused where it is the only way in.',
    access: self,
    body: z.strictObject({ current_password: currentPassword }),
    bodyOptional: true,
    answers: { 204: { description: 'Unlinked' } },
    problems: ['current_password_wrong', 'sign_in_again', 'too_many_hashes', 'last_way_in'],
    async handler({ actor, body, root }) {
      const who = selfOf(signedIn(actor), body.current_password)
      await proveSelf(deps, who, root.at)
      const { position } = await unlinkTelegram(deps, root, who.userId)
      return { status: 204, position }
    },
  })

const askingForCode = (deps: Deps): AnyRoute =>
  route({
    method: 'POST',
    path: '/me/telegram/link-code',
    tag: 'me',
    summary: 'A code by which the bot learns who I am',
    description:
      'Open the bot by `https://t.me/<bot>?start=link_<code>`, or send it `/start link_<code>`. It shows your ' +
      'address, and the Telegram account that presses its button is linked to you. The code works once, for ' +
      'ten minutes.',
    access: self,
    body: z.strictObject({ current_password: currentPassword }),
    bodyOptional: true,
    answers: {
      200: {
        description: 'The code',
        schema: z.strictObject({ code: z.string(), expires_at: timeSchema }),
      },
    },
    problems: [...proofs, 'telegram_already_linked'],
    async handler({ actor, body, root }) {
      const who = selfOf(signedIn(actor), body.current_password)
      const { code, expiresAt } = await askForLinkCode(deps, root, who)
      return { body: { code, expires_at: expiresAt } }
    },
  })
