// What only the operator of the machine may do: make administrators, set passwords, open or close the door.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestMail } from '../../../src/commands/mail/request-mail.ts'
import { mailToken, mailTokenHash } from '../../../src/commands/mail/mail-token.ts'
import { mailIdOf } from '../../../src/commands/mail/request-mail.ts'
import { newId, step } from '../../../src/commands/context.ts'
import { createAdministrator } from '../../../src/commands/user/create-administrator.ts'
import {
  grantPlatformRole,
  revokePlatformRole,
} from '../../../src/commands/user/grant-platform-role.ts'
import { emailHmacOf } from '../../../src/commands/user/find-user.ts'
import { provesInvitation } from '../../../src/commands/user/invited.ts'
import { setPassword } from '../../../src/commands/user/set-password.ts'
import { organization } from '../../../src/domain/organization/organization.ts'
import { listUsers } from '../../../src/projections/users.ts'
import { openText } from '../../../src/projections/open.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import {
  freshEmail,
  newPerson,
  operatorRoot,
  PASSWORD,
  signIn,
  typesOf,
} from '../../support/people.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const NEW = 'an entirely new phrase'
const administrator = async (token: string) =>
  (await app.request<{ administrator: boolean }>('GET /me', { token })).body

describe('an administrator', () => {
  test('is registered with a verified address and an organization', async () => {
    const email = freshEmail()
    const made = await createAdministrator(app.app.deps, operatorRoot(app), {
      email,
      password: PASSWORD,
      locale: 'ru',
    })
    expect(made.created).toBe(true)
    const person = await signIn(app, email)
    expect(person.userId).toBe(made.userId)
    expect(await administrator(person.token)).toMatchObject({
      administrator: true,
      email_verified: true,
      locale: 'ru',
    })
    expect(await typesOf(app, `account-${person.orgId}`)).toEqual(['BillingAccountOpened'])
  })
  test('is made of a person who keeps their password; doing it again changes nothing', async () => {
    const person = await newPerson(app)
    const asked = { email: person.email, password: NEW, locale: 'en' }
    for (const _ of [1, 2]) {
      const made = await createAdministrator(app.app.deps, operatorRoot(app), asked)
      expect(made).toMatchObject({ userId: person.userId, created: false })
    }
    expect(await administrator(person.token)).toMatchObject({ administrator: true })
    expect(await typesOf(app, `user-${person.userId}`)).toEqual([
      'UserRegistered',
      'EmailVerified',
      'PlatformRoleGranted',
    ])
    await signIn(app, person.email)
  })
  test('is one no more from the next request on', async () => {
    const { userId, token } = await newPerson(app)
    const role = { userId, role: 'administrator' } as const
    await grantPlatformRole(app.app.deps, operatorRoot(app), role)
    expect(await administrator(token)).toMatchObject({ administrator: true })
    await revokePlatformRole(app.app.deps, operatorRoot(app), role)
    expect(await administrator(token)).toMatchObject({ administrator: false })
  })
  test('needs a password like everybody', async () => {
    const asked = { email: freshEmail(), password: 'admin', locale: 'en' }
    await expect(createAdministrator(app.app.deps, operatorRoot(app), asked)).rejects.toMatchObject(
      { code: 'password_unacceptable' },
    )
  })
})

describe('a password that the operator sets', () => {
  test('opens, ends every session, and the old one does not open', async () => {
    const { userId, email, token } = await newPerson(app)
    await setPassword(app.app.deps, operatorRoot(app), { userId, password: NEW })
    expect((await app.request('GET /me', { token })).status).toBe(401)
    expect((await signIn(app, email, NEW)).userId).toBe(userId)
    await expect(signIn(app, email)).rejects.toThrow('invalid_credentials')
  })
  test('is for somebody who is there', async () => {
    const asked = { userId: `usr_${'0'.repeat(26)}`, password: NEW }
    await expect(setPassword(app.app.deps, operatorRoot(app), asked)).rejects.toMatchObject({
      code: 'user_not_found',
    })
  })
})

test('the list of people is newest first, by status, with addresses that only a query opens', async () => {
  app.clock.advance(1_000)
  const { userId, email } = await newPerson(app)
  await app.settled()
  const { views, sealer } = app.app.deps
  const page = await listUsers(views, { limit: 1 })
  expect(page.items[0]).toMatchObject({ userId, status: 'active', emailVerified: false })
  expect(JSON.stringify(page)).not.toContain(email)
  expect(await openText(sealer, page.items[0]?.email)).toBe(email)
  const second = await listUsers(views, { limit: 1, after: page.next ?? '' })
  expect(second.items[0]?.userId).not.toBe(userId)
  expect((await listUsers(views, { limit: 5, status: 'deactivated' })).items).toEqual([])
})

describe('the door', () => {
  const ask = (at: TestApp, body: object) =>
    at.request('POST /auth/register', { body: { password: PASSWORD, ...body } })

  test('closed: nobody registers', async () => {
    const closed = await startTestApp({ REGISTRATION: 'closed' })
    try {
      expect((await ask(closed, { email: freshEmail() })).body).toMatchObject({
        code: 'registration_closed',
        status: 403,
      })
    } finally {
      await closed.stop()
    }
  })
  test('by invitation: only the invited, with the token, for that address, once it stands', async () => {
    const invite = await startTestApp({ REGISTRATION: 'invite' })
    try {
      const email = freshEmail()
      const { token, revoke } = await invited(invite, email)
      expect((await ask(invite, { email })).body).toMatchObject({ code: 'registration_closed' })
      const wrong = await ask(invite, { email, invitation_token: 'x' })
      expect(wrong.body).toMatchObject({ code: 'token_unusable' })
      const other = await ask(invite, { email: freshEmail(), invitation_token: token })
      expect(other.body).toMatchObject({ code: 'invitation_unusable' })
      expect((await ask(invite, { email, invitation_token: token })).status).toBe(202)
      await revoke()
      const late = await ask(invite, { email, invitation_token: token })
      expect(late.body).toMatchObject({ code: 'invitation_unusable' })
    } finally {
      await invite.stop()
    }
  })
})

/** An organization of an administrator that has invited the address. */
async function invited(at: TestApp, email: string) {
  const { deps } = at.app
  const owner = await createAdministrator(deps, operatorRoot(at), {
    email: freshEmail(),
    password: PASSWORD,
    locale: 'en',
  })
  const root = operatorRoot(at)
  const orgId = newId(deps.ids, root, 'organization')
  const invitationId = newId(deps.ids, root, 'invitation')
  const mailId = mailIdOf(deps, root, 'invitation')
  const by = { by: owner.userId, at: root.at }
  await deps.streams.transact(
    organization,
    orgId,
    {
      type: 'CreateOrganization',
      orgId,
      kind: 'team',
      ownerId: owner.userId,
      name: 'Team',
      at: root.at,
    },
    step(deps.ids, root, 'organization'),
  )
  await deps.streams.transact(
    organization,
    orgId,
    {
      type: 'InviteMember',
      invitationId,
      email,
      emailHmac: emailHmacOf(deps, email),
      tokenHash: mailTokenHash(deps, mailId),
      role: 'member',
      expiresAt: new Date(Date.parse(root.at) + 1_000_000).toISOString(),
      ...by,
    },
    step(deps.ids, root, 'invite'),
  )
  const proves = provesInvitation(orgId, invitationId)
  const mail = {
    kind: 'invitation',
    subjectId: invitationId,
    recipient: email,
    locale: 'en',
    proves,
  }
  await requestMail(deps, root, { ...mail, kind: 'invitation' })
  const revoke = () =>
    deps.streams.transact(
      organization,
      orgId,
      { type: 'RevokeInvitation', invitationId, ...by },
      step(deps.ids, root, 'revoke'),
    )
  return { token: mailToken(deps, mailId), revoke }
}
