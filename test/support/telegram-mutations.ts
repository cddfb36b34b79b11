/** The rows of mutations.ts for Telegram accounts. */
import { makeCode } from '../../src/commands/user/telegram/code.ts'
import type { TestApp } from './app.ts'
import type { Rows } from './mutations.ts'
import { newPerson, operatorRoot, PASSWORD } from './people.ts'
import { byTelegram, telegramLogin } from './telegram-login.ts'

const current_password = PASSWORD

const codeFor = (test: TestApp, userId: string) =>
  makeCode(test.app.deps, 'signIn', userId, operatorRoot(test))

export const telegramRows: Rows = {
  'POST /auth/telegram/callback': ({ test }) => {
    const body = telegramLogin(test)
    return {
      wish: { line: 'POST /auth/telegram/callback', body },
      other: { body: { ...body, refresh_cookie: true } },
      status: 200,
      effects: {
        TelegramLoginUsed: 1,
        TelegramClaimed: 1,
        EmailClaimed: 1,
        UserRegistered: 1,
        OrganizationCreated: 1,
        BillingAccountOpened: 1,
        TelegramLinked: 1,
        SessionStarted: 1,
      },
      mayDiffer: ['access_token'],
    }
  },
  'POST /auth/telegram/exchange': async ({ test }) => {
    const body = { code: codeFor(test, (await byTelegram(test)).userId) }
    return {
      wish: { line: 'POST /auth/telegram/exchange', body },
      other: { body: { ...body, refresh_cookie: true } },
      status: 200,
      effects: { SessionStarted: 1 },
      mayDiffer: ['access_token'],
    }
  },
  'POST /telegram': async ({ test }) => ({
    wish: {
      line: 'POST /telegram',
      form: { code: codeFor(test, (await byTelegram(test)).userId) },
    },
    status: 200,
    effects: { SessionStarted: 1 },
    why: 'another code is another stranger',
  }),
  'POST /me/telegram': async ({ test }) => {
    const { token } = await newPerson(test)
    const body = { login: telegramLogin(test), current_password }
    return {
      wish: { line: 'POST /me/telegram', token, body },
      why: 'another Telegram account is another stream',
      status: 204,
      effects: {
        TelegramLoginUsed: 1,
        TelegramClaimed: 1,
        TelegramLinked: 1,
        MailRequested: 1,
      },
    }
  },
  'DELETE /me/telegram': async ({ test }) => {
    const { token } = await newPerson(test)
    const body = { login: telegramLogin(test), current_password }
    await test.request('POST /me/telegram', { token, body })
    return {
      wish: { line: 'DELETE /me/telegram', token, body: { current_password } },
      status: 204,
      effects: { TelegramUnlinked: 1, TelegramReleased: 1, MailRequested: 1 },
      why: 'what is not linked any more is not unlinked again',
    }
  },
  'POST /me/telegram/link-code': async ({ test }) => ({
    wish: {
      line: 'POST /me/telegram/link-code',
      token: (await newPerson(test)).token,
      body: { current_password },
    },
    status: 200,
    effects: {},
    why: 'nothing is written; a code is made anew each time',
  }),
}
