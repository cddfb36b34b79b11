/**
 * Signed data of Telegram → the person, once: TelegramLoginUsed | the person (enter-by-telegram.ts) |
 * a session, or a code that another page exchanges for one. The code works for a minute, once: the
 * session's id follows from it, and nothing of it is stored. It may be bound to a challenge (RFC 7636), so
 * that it is good in the browser that began alone.
 */
import { createHash } from 'node:crypto'
import { Refusal } from '../../../domain/refusal.ts'
import { telegramClaim } from '../../../domain/user/telegram-claim.ts'
import { user } from '../../../domain/user/user.ts'
import { newId, type Root, step } from '../../context.ts'
import type { Deps } from '../../deps.ts'
import { type Device, type SignedIn, startSession } from '../../session/start-session.ts'
import { codeRoot, makeCode, readCode } from './code.ts'
import { assertMayEnter, type Entered, enterByTelegram } from './enter-by-telegram.ts'
import { telegramHmacOf } from './find-user-by-telegram.ts'
import { readSignedLogin, type SignedFields, type SignedLogin } from './signed-login.ts'

/** @throws Refusal telegram_off, telegram_login_refused, registration_closed. */
export async function signInByTelegram(
  deps: Deps,
  root: Root,
  { fields, locale, device }: { fields: SignedFields; locale: string; device: Device },
): Promise<SignedIn> {
  const { user: person, position } = await enter(deps, root, fields, locale)
  const signedIn = await startSession(deps, root, person, { method: 'telegram', device })
  return { ...signedIn, position: signedIn.position ?? position }
}

/** @throws Refusal as signInByTelegram */
export async function codeByTelegram(
  deps: Deps,
  root: Root,
  {
    fields,
    locale,
    challenge,
  }: { fields: SignedFields; locale: string; challenge?: string | undefined },
): Promise<{ code: string; position: bigint | undefined }> {
  const { user: person, position } = await enter(deps, root, fields, locale)
  return { code: makeCode(deps, 'signIn', person.userId, root, boundTo(challenge)), position }
}

/** @throws Refusal telegram_off, token_unusable, telegram_login_refused, session_ended. */
export async function exchangeTelegramCode(
  deps: Deps,
  root: Root,
  { code, verifier, device }: { code: string; verifier?: string | undefined; device: Device },
): Promise<SignedIn> {
  rulesOf(deps)
  const challenge = verifier === undefined ? undefined : challengeOf(verifier)
  const { userId } = readCode(deps, 'signIn', code, root.at, boundTo(challenge))
  const { state: person } = await deps.streams.load(user, userId)
  if (!person?.active || !person.telegram) throw new Refusal('telegram_login_refused')
  const sessionId = newId(deps.ids, codeRoot(deps, code, root), 'session')
  return startSession(deps, root, person, { method: 'telegram', device, sessionId })
}

/** A code for a challenge is good with its verifier alone, and a verifier is good for no other code. */
const boundTo = (challenge: string | undefined): string =>
  challenge === undefined ? '' : `/${challenge}`

const challengeOf = (verifier: string) => createHash('sha256').update(verifier).digest('base64url')

/** Checked and used up: the same data gets nobody in again. */
export async function takeSignedLogin(
  deps: Deps,
  root: Root,
  fields: SignedFields,
  mayUse: (login: SignedLogin) => Promise<void>,
): Promise<SignedLogin> {
  const login = readSignedLogin(rulesOf(deps), fields, new Date(root.at))
  await mayUse(login)
  const { telegramId, loginHash, signedAt } = login
  await deps.streams.transact(
    telegramClaim,
    telegramHmacOf(deps, telegramId),
    { type: 'UseTelegramLogin', loginHash, signedAt, at: root.at },
    step(deps.ids, root, 'telegram-login'),
  )
  return login
}

async function enter(
  deps: Deps,
  root: Root,
  fields: SignedFields,
  locale: string,
): Promise<Entered> {
  // Where nobody may come in, nothing is written.
  const login = await takeSignedLogin(deps, root, fields, (one) => assertMayEnter(deps, one))
  try {
    return await enterByTelegram(deps, root, { ...login, locale })
  } catch (error) {
    // As with a password, a deactivated person is refused without a reason.
    if (error instanceof Refusal && error.code === 'user_deactivated')
      throw new Refusal('telegram_login_refused')
    throw error
  }
}

function rulesOf({ settings }: Deps) {
  if (!settings.telegramLogin) throw new Refusal('telegram_off')
  return settings.telegramLogin
}
