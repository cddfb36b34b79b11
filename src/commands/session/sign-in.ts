/** Password → session. */
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import { provePassword } from './prove-password.ts'
import { type Device, type SignedIn, startSession } from './start-session.ts'

export interface Credentials extends Device {
  readonly email: string
  /** As it was typed. */
  readonly password: string
}

/** @throws Refusal invalid_credentials, too_many_hashes; session_ended for a repeat after the end. */
export async function signIn(deps: Deps, root: Root, given: Credentials): Promise<SignedIn> {
  const { email, password, ...device } = given
  const person = await provePassword(deps, root, { email, password })
  return startSession(deps, root, person, { method: 'password', device })
}
