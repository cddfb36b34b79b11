/** `admin` and `user`: who administers the installation, and what an operator may do to a person. */
import { z } from 'zod'
import { createAdministrator } from '../../commands/user/create-administrator.ts'
import { deactivateUser } from '../../commands/user/deactivate-user.ts'
import { findUserByEmail } from '../../commands/user/find-user.ts'
import { reactivateUser } from '../../commands/user/reactivate-user.ts'
import { setPassword } from '../../commands/user/set-password.ts'
import { organization } from '../../domain/organization/organization.ts'
import { emailText, localeText } from '../../domain/user/email.ts'
import type { User } from '../../domain/user/user.ts'
import type { App } from '../../app.ts'
import { operation } from '../operation.ts'
import { findPerson, operatorRoot, shownEmail } from './operator.ts'

/** Whether a password has to be asked for before `admin.create`. */
const adminKnown = operation({
  name: 'admin.known',
  input: z.strictObject({ email: emailText }),
  async run({ deps }, { email }, tell) {
    const found = await findUserByEmail(deps, email)
    tell({ kind: 'row', row: { known: found !== undefined } })
  },
})

const adminCreate = operation({
  name: 'admin.create',
  input: z.strictObject({ email: emailText, locale: localeText, password: z.string().max(1_024) }),
  async run({ deps }, input, tell) {
    const { userId, created } = await createAdministrator(deps, operatorRoot(deps), input)
    tell({ kind: 'row', row: { user_id: userId, email: input.email, created } })
  },
})

const idOrEmail = z.strictObject({ user: z.string().min(1).max(320) })

const userFind = operation({
  name: 'user.find',
  input: idOrEmail,
  async run(app, input, tell) {
    tell({ kind: 'row', row: await personRow(app, await findPerson(app.deps, input.user)) })
  },
})

async function personRow({ deps }: App, person: User): Promise<Record<string, unknown>> {
  const { state: own } = await deps.streams.load(organization, person.personalOrgId)
  return {
    user_id: person.userId,
    email: shownEmail(person),
    email_verified: person.emailVerified,
    status: person.active ? 'active' : 'deactivated',
    roles: person.roles,
    locale: person.locale,
    registered_at: person.registeredAt,
    personal_org_id: own ? person.personalOrgId : null,
  }
}

const userDeactivate = operation({
  name: 'user.deactivate',
  input: idOrEmail.extend({ reason: z.string().min(1).max(500).optional() }),
  async run({ deps }, input, tell) {
    const { userId } = await findPerson(deps, input.user)
    const reason = input.reason === undefined ? {} : { reason: input.reason }
    const { position } = await deactivateUser(deps, operatorRoot(deps), { userId, ...reason })
    tell({ kind: 'row', row: { user_id: userId, changed: position !== undefined } })
  },
})

const userReactivate = operation({
  name: 'user.reactivate',
  input: idOrEmail,
  async run({ deps }, input, tell) {
    const { userId } = await findPerson(deps, input.user)
    const { position } = await reactivateUser(deps, operatorRoot(deps), { userId })
    tell({ kind: 'row', row: { user_id: userId, changed: position !== undefined } })
  },
})

const userSetPassword = operation({
  name: 'user.set-password',
  input: idOrEmail.extend({ password: z.string().max(1_024) }),
  async run({ deps }, input, tell) {
    const { userId } = await findPerson(deps, input.user)
    await setPassword(deps, operatorRoot(deps), { userId, password: input.password })
    tell({ kind: 'row', row: { user_id: userId, changed: true } })
  },
})

export const peopleOperations = [
  adminKnown,
  adminCreate,
  userFind,
  userDeactivate,
  userReactivate,
  userSetPassword,
]
