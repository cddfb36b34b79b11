/**
 * Checks what Telegram's login widget (or a `login_url` button) signed: HMAC-SHA-256 of every field that
 * came, under SHA-256 of the bot's token. What a Mini App signs is signed under another key and is not
 * taken. Whatever is wrong, the refusal is the same and says nothing.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { LOGIN_AHEAD_MS } from '../../../domain/user/telegram-claim.ts'
import { Refusal } from '../../../domain/refusal.ts'
import type { TelegramProfile } from './enter-by-telegram.ts'

/** As they came, decoded, without parameters of our own. */
export type SignedFields = Readonly<Record<string, string>>

export interface SignedLogin extends TelegramProfile {
  /** SHA-256 of the signature: the data works once. */
  readonly loginHash: string
  readonly signedAt: string
}

export interface LoginRules {
  readonly botToken: string
  readonly loginSeconds: number
}

const NAME_MAX = 200
const sha256 = (text: string) => createHash('sha256').update(text)

/** What Telegram has signed: every field but the signature, by name, one a line. */
export const dataCheckString = (fields: SignedFields): string =>
  Object.keys(fields)
    .filter((key) => key !== 'hash')
    .sort()
    .map((key) => `${key}=${fields[key]}`)
    .join('\n')

/** @throws Refusal telegram_login_refused */
export function readSignedLogin(rules: LoginRules, fields: SignedFields, now: Date): SignedLogin {
  const { hash = '', id = '', auth_date: authDate = '' } = fields
  const signedMs = Number(authDate) * 1000
  const ageMs = now.getTime() - signedMs
  const good =
    isSigned(rules.botToken, fields) &&
    /^[1-9]\d{0,18}$/.test(id) &&
    /^\d{1,11}$/.test(authDate) &&
    ageMs <= rules.loginSeconds * 1000 &&
    ageMs >= -LOGIN_AHEAD_MS
  if (!good) throw new Refusal('telegram_login_refused')
  return {
    ...profileOf(id, fields),
    loginHash: sha256(hash).digest('hex'),
    signedAt: new Date(signedMs).toISOString(),
  }
}

function isSigned(botToken: string, fields: SignedFields): boolean {
  const { hash = '' } = fields
  const key = sha256(botToken).digest()
  const right = createHmac('sha256', key).update(dataCheckString(fields)).digest()
  if (!/^[0-9a-f]{64}$/.test(hash) || !timingSafeEqual(Buffer.from(hash, 'hex'), right))
    return false
  // One field must not pass for two: what is signed has a field a line.
  return Object.entries(fields).every((entry) => entry.every((text) => !text.includes('\n')))
}

function profileOf(telegramId: string, fields: SignedFields): TelegramProfile {
  const { first_name: first = '', last_name: last = '', username = '' } = fields
  const name = `${first} ${last}`.trim().slice(0, NAME_MAX)
  return {
    telegramId,
    ...(username !== '' && { username: username.slice(0, NAME_MAX) }),
    ...(name !== '' && { name }),
  }
}
