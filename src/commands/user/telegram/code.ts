/**
 * Short codes that stand for a person for a short time: to finish a sign-in (`signIn`), and to tell the
 * bot who somebody is (`link`). Nothing is stored: `{user id}{seconds}{nonce}{HMAC}`, of letters, digits, _
 * and -, short enough for the bot's deep link. That a code works once is decided by what it does: the
 * session, or the claim, has an id that the code determines.
 */
import { timingSafeEqual } from 'node:crypto'
import { type Id, prefixes } from '../../../domain/ids.ts'
import { Refusal } from '../../../domain/refusal.ts'
import { NAMESPACE, type Root } from '../../context.ts'
import type { Deps } from '../../deps.ts'

export type CodeKind = 'signIn' | 'link'

export const CODE_LIFE_MS: Readonly<Record<CodeKind, number>> = {
  signIn: 60_000,
  link: 10 * 60_000,
}
export const CODE_LENGTH = 59
const CODE = /^([0-9a-hjkmnp-tv-z]{26})([0-9a-z]{6})([0-9a-f]{5})([\w-]{22})$/

type Needs = Pick<Deps, 'sealer' | 'ids'>

/** Of the 256 bits of the HMAC 132 stay: the link of the bot takes 64 characters in all. */
const macOf = ({ sealer }: Needs, kind: CodeKind, text: string): string =>
  Buffer.from(sealer.hmac('telegramCode', `${kind}/${text}`), 'hex')
    .toString('base64url')
    .slice(0, 22)

/** Whom a code names; nothing is known of whether it is one. @throws Refusal token_unusable */
export function namedBy(code: string): Id<'user'> {
  const [, of] = CODE.exec(code) ?? []
  if (of === undefined) throw new Refusal('token_unusable')
  return `${prefixes.user}_${of}`
}

/**
 * @param root whose repeat gets the same code
 * @param holds what has to be the same when it is read
 */
export function makeCode(
  deps: Needs,
  kind: CodeKind,
  userId: string,
  root: Root,
  holds = '',
): string {
  const of = userId.slice(prefixes.user.length + 1)
  const seconds = Math.floor(Date.parse(root.at) / 1000).toString(36)
  const text = `${of}${seconds.padStart(6, '0')}${deps.ids.sha256(root.id).slice(0, 5)}`
  return `${text}${macOf(deps, kind, `${text}${holds}`)}`
}

/** Whom a code stands for. @throws Refusal('token_unusable') for anything but a current one of this kind. */
export function readCode(
  deps: Needs,
  kind: CodeKind,
  code: string,
  at: string,
  holds = '',
): { userId: Id<'user'>; expiresAt: string } {
  const [, of = '', seconds = '', nonce = '', mac = ''] = CODE.exec(code) ?? []
  const right = macOf(deps, kind, `${of}${seconds}${nonce}${holds}`)
  const good = mac.length === right.length && timingSafeEqual(Buffer.from(mac), Buffer.from(right))
  const expires = parseInt(seconds, 36) * 1000 + CODE_LIFE_MS[kind]
  if (!good || Date.parse(at) >= expires) throw new Refusal('token_unusable')
  return { userId: `${prefixes.user}_${of}`, expiresAt: new Date(expires).toISOString() }
}

/** The identity of what a code does, whoever shows it and however often. */
export function codeRoot({ ids }: Needs, code: string, asked: Root): Root {
  const { digest: _digest, ...rest } = asked
  return { ...rest, id: ids.derive(NAMESPACE, `telegram-code/${ids.sha256(code)}`) }
}
