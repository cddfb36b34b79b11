/** What Telegram's login widget hands out, signed as Telegram signs it, and people who come by it. */
import { createHash, createHmac, randomInt } from 'node:crypto'
import type { Reply, RequestOptions, TestApp } from './app.ts'
import type { TokenAnswer } from './people.ts'

/** Of the published vectors; nobody's. */
export const BOT_TOKEN = '123456789:TEST-token_for-vectors-only-AAAAAAAAAA'
/** Sign-in by Telegram is set up; the bot hears nothing. */
export const TELEGRAM = { TELEGRAM_BOT_TOKEN: BOT_TOKEN, TELEGRAM_UPDATES: 'off' } as const

export type Fields = Readonly<Record<string, string>>

const lines = (fields: Fields) =>
  Object.entries(fields)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')

export const loginKey = (token: string): Buffer => createHash('sha256').update(token).digest()
/** Another key from the same token, by which Mini Apps are signed. */
export const miniAppKey = (token: string): Buffer =>
  createHmac('sha256', 'WebAppData').update(token).digest()

export const signedBy = (key: Buffer, fields: Fields): Fields => ({
  ...fields,
  hash: createHmac('sha256', key).update(lines(fields)).digest('hex'),
})

export const freshTelegramId = (): string => String(randomInt(2 ** 33, 2 ** 40))

/** Signed just now by the app's clock. */
export function telegramLogin(app: TestApp, extra: Fields = {}, key = loginKey(BOT_TOKEN)): Fields {
  const id = extra['id'] ?? freshTelegramId()
  return signedBy(key, {
    id,
    first_name: 'Zoë',
    username: `zoe_${id}`,
    auth_date: String(Math.floor(app.clock.now().getTime() / 1000)),
    ...extra,
  })
}

export const callback = (
  app: TestApp,
  login: unknown,
  options: RequestOptions = {},
): Promise<Reply<TokenAnswer>> =>
  app.request<TokenAnswer>('POST /auth/telegram/callback', { body: login, ...options })

export const query = (fields: Fields): string => new URLSearchParams(fields).toString()

export interface TelegramPerson {
  readonly telegramId: string
  readonly userId: string
  readonly orgId: string
  readonly token: string
}

/** Signed in by Telegram, for the first time or again. */
export async function byTelegram(
  app: TestApp,
  telegramId = freshTelegramId(),
): Promise<TelegramPerson> {
  // Signed data works once, and two of one second are the same.
  app.clock.advance(1_000)
  const reply = await callback(app, telegramLogin(app, { id: telegramId }))
  if (reply.status !== 200) throw new Error(reply.text)
  const { access_token: token, user } = reply.body
  return { telegramId, userId: user.id, orgId: user.personal_organization_id, token }
}
