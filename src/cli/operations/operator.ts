/** What every operation of an operator begins with: who asks, since when, and finding the person meant. */
import { findUserByEmail } from '../../commands/user/find-user.ts'
import type { Root } from '../../commands/context.ts'
import type { Deps } from '../../commands/deps.ts'
import { idSchema } from '../../domain/ids.ts'
import { isErased } from '../../domain/personal.ts'
import { emailText } from '../../domain/user/email.ts'
import { type User, user } from '../../domain/user/user.ts'
import { OperationFailed } from '../operation.ts'

/** A wish of its own for each call: the domain answers "already so" to a repeated one. */
export function operatorRoot({ ids, clock }: Pick<Deps, 'ids' | 'clock'>): Root {
  const id = ids.random()
  const at = clock.now().toISOString()
  return { id, actor: { kind: 'operator' }, at, correlationId: id, causationId: id }
}

/** By id or by address. @throws OperationFailed */
export async function findPerson(deps: Deps, idOrEmail: string): Promise<User> {
  if (idSchema('user').safeParse(idOrEmail).success) {
    const { state } = await deps.streams.load(user, idOrEmail)
    if (state) return state
    throw new OperationFailed(`no user has the id ${idOrEmail}`)
  }
  const email = emailText.safeParse(idOrEmail)
  if (!email.success)
    throw new OperationFailed(`"${idOrEmail}" is neither a user's id (usr_…) nor an address`, 64)
  const found = await findUserByEmail(deps, email.data)
  if (found) return found
  throw new OperationFailed(`nobody is registered as ${email.data}`)
}

export const shownEmail = (person: Pick<User, 'email'>): string =>
  isErased(person.email) ? '(erased)' : person.email
