/** The rows of mutations.ts for the forms of the built-in pages. */
import { invitationToken, invited } from './invitations.ts'
import type { Rows } from './mutations.ts'
import { freshEmail, mailedToken, newPerson, PASSWORD, register, unverified } from './people.ts'
import { byTelegram, query, telegramLogin } from './telegram-login.ts'

const ANOTHER_STRANGER = 'another token or address is another stranger'

export const pageRows: Rows = {
  'POST /verify-email': async ({ test }) => ({
    wish: {
      line: 'POST /verify-email',
      form: { token: await mailedToken(test, await register(test), 'verify_email') },
    },
    status: 200,
    effects: { EmailVerified: 1 },
    why: ANOTHER_STRANGER,
  }),
  'POST /reset-password': async ({ test }) => {
    const email = await register(test)
    await test.request('POST /auth/password/forgot', { body: { email } })
    const token = await mailedToken(test, email, 'reset_password')
    const chosen = (password: string) => ({ token, password, again: password })
    return {
      wish: { line: 'POST /reset-password', form: chosen('another mule battery 71') },
      other: { form: chosen('a third mule battery 72') },
      status: 200,
      effects: { PasswordChanged: 1, EmailVerified: 1, MailRequested: 1 },
    }
  },
  'POST /verify-email-again': async ({ test }) => ({
    wish: { line: 'POST /verify-email-again', form: { email: await unverified(test) } },
    status: 200,
    effects: { MailRequested: 1 },
    why: ANOTHER_STRANGER,
  }),
  'POST /forgot-password': async ({ test }) => ({
    wish: { line: 'POST /forgot-password', form: { email: await register(test) } },
    status: 200,
    effects: { MailRequested: 1 },
    why: ANOTHER_STRANGER,
  }),
  'POST /invitation': async (world) => {
    const { email } = await newPerson(world.test)
    await invited(world, email)
    const token = await invitationToken(world, email)
    return {
      wish: { line: 'POST /invitation', form: { token, email, password: PASSWORD } },
      status: 200,
      effects: { MemberAdded: 1, EmailVerified: 1 },
      why: ANOTHER_STRANGER,
    }
  },
  'POST /telegram': async ({ test }) => {
    const { telegramId } = await byTelegram(test)
    test.clock.advance(1_000)
    const login = query(telegramLogin(test, { id: telegramId }))
    const { headers } = await test.request(`GET /auth/telegram/callback?${login}`)
    const code = new URL(String(headers['location'])).searchParams.get('code') ?? ''
    return {
      wish: { line: 'POST /telegram', form: { code } },
      status: 200,
      effects: { SessionStarted: 1 },
      why: ANOTHER_STRANGER,
    }
  },
  'POST /register-invited': async (world) => {
    const email = freshEmail()
    await invited(world, email)
    const token = await invitationToken(world, email)
    const chosen = { token, email, password: PASSWORD, again: PASSWORD }
    return {
      wish: { line: 'POST /register-invited', form: chosen },
      status: 200,
      effects: {
        EmailClaimed: 1,
        UserRegistered: 1,
        OrganizationCreated: 1,
        BillingAccountOpened: 1,
        MailRequested: 1,
        MemberAdded: 1,
        EmailVerified: 1,
      },
      // Whose address is verified before a worker looks needs no link.
      mayLack: ['MailRequested'],
      why: ANOTHER_STRANGER,
    }
  },
}
