/** Flows of Telegram accounts, with every `|` in them. */
import { loginKey, signedBy, type Fields } from '../support/telegram-login.ts'
import { after, before, type Flow, sweptAfter } from './flow.ts'

const BOT_TOKEN = '123456789:TEST-token_for-the-kill-tests-AAAAAAAAAAA'
const environment = { TELEGRAM_BOT_TOKEN: BOT_TOKEN, TELEGRAM_UPDATES: 'off' }

/** Signed once for the first try and its repeat. */
const signed = (id: string): Fields =>
  signedBy(loginKey(BOT_TOKEN), {
    id,
    first_name: 'Quokka',
    username: 'quokka_3308',
    auth_date: String(Math.floor(Date.now() / 1000)),
  })

const SIGN_UP = {
  TelegramLoginUsed: 1,
  TelegramClaimed: 1,
  EmailClaimed: 1,
  UserRegistered: 1,
  OrganizationCreated: 1,
  BillingAccountOpened: 1,
  SubscriptionStarted: 1,
  CreditGranted: 1,
  PeriodStarted: 1,
  TelegramLinked: 1,
}
/** Signed data works once: who comes back with it gets nothing, and finds what was begun finished. */
const usedUp = { status: 401, effects: SIGN_UP }

const signingUp: Flow = {
  name: 'sign up by Telegram, led by a redirect',
  asks: () => ({
    line: `GET /auth/telegram/callback?${new URLSearchParams(signed('4242424242')).toString()}`,
  }),
  ...usedUp,
  environment,
  points: [
    { ...before('TelegramLoginUsed'), ends: { status: 303, effects: SIGN_UP } },
    { ...after('TelegramLoginUsed'), ends: { status: 401, effects: { TelegramLoginUsed: 1 } } },
    ...[
      'TelegramClaimed',
      'EmailClaimed',
      'UserRegistered',
      'OrganizationCreated',
      'BillingAccountOpened',
      'PeriodStarted',
      'TelegramLinked',
    ].map(sweptAfter),
  ],
}

const signingUpWithKey: Flow = {
  name: 'sign up by Telegram, with a key',
  asks: () => ({
    line: 'POST /auth/telegram/callback',
    key: 'telegram-1',
    body: signed('4242424243'),
  }),
  status: 200,
  effects: { ...SIGN_UP, SessionStarted: 1 },
  environment,
  points: [
    after('TelegramLoginUsed'),
    after('TelegramClaimed'),
    after('TelegramLinked'),
    after('SessionStarted'),
    { at: 'answer' },
  ],
}

const linking: Flow = {
  name: 'link Telegram',
  asks: ({ person, password }) => ({
    line: 'POST /me/telegram',
    key: 'link-1',
    token: person.token,
    body: { login: signed('4242424244'), current_password: password },
  }),
  status: 204,
  effects: {
    TelegramLoginUsed: 1,
    TelegramClaimed: 1,
    TelegramLinked: 1,
    MailRequested: 1,
    MailSent: 1,
  },
  environment,
  points: [
    before('TelegramLoginUsed'),
    after('TelegramLoginUsed'),
    sweptAfter('TelegramClaimed'),
    sweptAfter('TelegramLinked'),
  ],
}

export const telegramFlows: readonly Flow[] = [signingUp, signingUpWithKey, linking]
