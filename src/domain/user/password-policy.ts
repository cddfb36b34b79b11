/**
 * Which passwords are taken. Length and context only, no rules of composition (NIST SP 800-63B-4):
 * long is good, and what an attacker tries first is not. A password is judged and verified exactly as
 * it was typed; its length is counted in code points. The password never leaves this function.
 */
import { Refusal } from '../refusal.ts'
import { normalizeEmail } from './email.ts'

export const PASSWORD_MIN = 12
export const PASSWORD_MAX = 128

/** Long enough to pass by length and guessed first all the same. Compared without case and spaces. */
const COMMON = new Set([
  '123456789012',
  '1234567890123',
  '12345678901234',
  '123456789012345',
  '1234567890qwerty',
  '123456789abc',
  '1q2w3e4r5t6y',
  '1qaz2wsx3edc',
  'abcdefghijkl',
  'abcdefghijklmnopqrstuvwxyz',
  'administrator',
  'adminadminadmin',
  'changemechangeme',
  'changeme1234',
  'correcthorsebatterystaple',
  'iloveyouiloveyou',
  'letmeinletmein',
  'password1234',
  'password12345',
  'password123456',
  'passwordpassword',
  'p@ssw0rd1234',
  'q1w2e3r4t5y6',
  'qazwsxedcrfv',
  'qwerty123456',
  'qwertyqwerty',
  'qwertyuiop12',
  'qwertyuiop123',
  'qwertyuiopasdfghjkl',
  'welcome12345',
  'zxcvbnmasdfghjkl',
  'пароль123456',
  'парольпароль',
  'йцукенгшщзхъ',
])

export type PasswordProblem =
  | 'too_short'
  | 'too_long'
  | 'not_text'
  | 'same_as_email'
  | 'contains_product_name'
  | 'too_simple'
  | 'too_common'

export function passwordProblem(
  password: string,
  context: { email?: string } = {},
): PasswordProblem | undefined {
  // Lone surrogates all become the same byte sequence when hashed.
  if (!password.isWellFormed()) return 'not_text'
  const { length } = Array.from(password)
  if (length < PASSWORD_MIN) return 'too_short'
  if (length > PASSWORD_MAX) return 'too_long'
  const plain = normalizeEmail(password).replaceAll(/\s+/g, '')
  if (context.email !== undefined) {
    const email = normalizeEmail(context.email)
    const local = email.slice(0, email.lastIndexOf('@'))
    if (plain === email || plain === local || plain === local + local) return 'same_as_email'
  }
  // What is left besides the product's name must be a password of some length itself.
  if (plain.includes('daybook') && plain.replaceAll('daybook', '').length < 8)
    return 'contains_product_name'
  if (new Set(plain).size < 4) return 'too_simple'
  if (COMMON.has(plain)) return 'too_common'
  return undefined
}

/** @throws Refusal('password_unacceptable') with the reason and the bounds, never the password. */
export function assertAcceptablePassword(password: string, context: { email?: string } = {}): void {
  const reason = passwordProblem(password, context)
  if (reason !== undefined)
    throw new Refusal('password_unacceptable', {
      reason,
      min: PASSWORD_MIN,
      max: PASSWORD_MAX,
    })
}
