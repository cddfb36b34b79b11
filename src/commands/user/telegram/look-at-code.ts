/**
 * Whom the code of a sign-in stands for, before anybody uses it: a page says who will be signed in, so
 * that nobody is by somebody else's link. Changes nothing.
 */
import { isErased } from '../../../domain/personal.ts'
import { Refusal } from '../../../domain/refusal.ts'
import { user } from '../../../domain/user/user.ts'
import type { Deps } from '../../deps.ts'
import { readCode } from './code.ts'

/** undefined for a code that cannot be used. */
export async function lookAtCode(
  deps: Pick<Deps, 'streams' | 'sealer' | 'ids'>,
  code: string,
  at: string,
): Promise<{ readonly locale: string; readonly username: string | undefined } | undefined> {
  try {
    const { userId } = readCode(deps, 'signIn', code, at)
    const { state } = await deps.streams.load(user, userId)
    if (!state?.active || !state.telegram) return undefined
    const { username } = state.telegram
    return { locale: state.locale, username: isErased(username) ? undefined : username }
  } catch (error) {
    if (error instanceof Refusal) return undefined
    throw error
  }
}
