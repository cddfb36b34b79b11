// A foreign organization answers as an unknown one, nobody rises above their role, an owner remains.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { organization } from '../../../src/domain/organization/organization.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { signIn, signInMember } from '../../support/seed.ts'
import { emailOf, invitationToken, newTeam } from './organizations.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const UNKNOWN = 'org_00000000000000000000000000'
const NOBODY = 'usr_00000000000000000000000000'

describe('400', () => {
  test.each([
    ['POST /organizations', {}, 'body.name'],
    ['POST /organizations', { name: '  ' }, 'body.name'],
    ['POST /organizations', { name: 'x'.repeat(121) }, 'body.name'],
    [`PATCH /organizations/${UNKNOWN}`, {}, 'body'],
    [`PATCH /organizations/${UNKNOWN}`, { content_days: 1.5 }, 'body.content_days'],
    [`PATCH /organizations/${UNKNOWN}`, { content_days: -1 }, 'body.content_days'],
    ['PATCH /organizations/me', { name: 'x' }, 'path.id'],
    [`POST /organizations/${UNKNOWN}/invitations`, { email: 'nobody' }, 'body.email'],
    [`POST /organizations/${UNKNOWN}/invitations`, { email: 'a@b.co', role: 'god' }, 'body.role'],
    [`PATCH /organizations/${UNKNOWN}/members/you`, { role: 'admin' }, 'path.user_id'],
    [`PATCH /organizations/${UNKNOWN}/members/${NOBODY}`, {}, 'body.role'],
  ])('%s %j names %s', async (line, body, path) => {
    const { token } = await signIn(app)
    const reply = await app.request(line, { token, body })
    expect(reply.body).toMatchObject({ status: 400, code: 'invalid_input', errors: [{ path }] })
  })
})

describe('404: what is not yours does not exist', () => {
  test('every route answers a stranger as for an id that was never given', async () => {
    const [owner, stranger] = [await signIn(app), await signIn(app)]
    const org = await newTeam(app, owner)
    const { token } = stranger
    const wishes: readonly [method: string, path: string, body?: unknown][] = [
      ['GET', ''],
      ['PATCH', '', { name: 'Mine' }],
      ['PATCH', '', { content_days: 1 }],
      ['POST', '/invitations', { email: 'a@example.test' }],
      ['DELETE', '/invitations/ivt_00000000000000000000000000'],
      ['PATCH', `/members/${owner.userId}`, { role: 'member' }],
      ['PATCH', `/members/${NOBODY}`, { role: 'member' }],
      ['DELETE', `/members/${owner.userId}`],
      ['DELETE', `/members/${stranger.userId}`],
      ['POST', '/switch'],
    ]
    for (const [method, path, body] of wishes) {
      const [foreign, unknown] = await Promise.all(
        [org, UNKNOWN].map((id) =>
          app.request(`${method} /organizations/${id}${path}`, {
            token,
            ...(body !== undefined && { body }),
          }),
        ),
      )
      expect({ method, path, ...foreign?.body, request_id: '' }).toEqual({
        method,
        path,
        ...unknown?.body,
        request_id: '',
      })
      expect(foreign?.body).toMatchObject({ status: 404, code: 'organization_not_found' })
    }
  })

  test('a member who does not exist', async () => {
    const owner = await signIn(app)
    const org = await newTeam(app, owner)
    const reply = await app.request(`PATCH /organizations/${org}/members/${NOBODY}`, {
      token: owner.token,
      body: { role: 'member' },
    })
    expect(reply.body).toMatchObject({ status: 404, code: 'member_not_found' })
  })
})

describe('403', () => {
  test('a member manages nothing; an admin makes no owner', async () => {
    const owner = await signIn(app)
    const org = await newTeam(app, owner)
    const member = await signInMember(app, org, 'member')
    const admin = await signInMember(app, org, 'admin')
    const invite = await app.request(`POST /organizations/${org}/invitations`, {
      token: member.token,
      body: { email: 'a@example.test' },
    })
    expect(invite.body).toMatchObject({ code: 'forbidden', facts: { needed: 'admin' } })
    const rise = await app.request(`PATCH /organizations/${org}/members/${admin.userId}`, {
      token: admin.token,
      body: { role: 'owner' },
    })
    expect(rise.body).toMatchObject({ status: 403, code: 'role_above_own' })
    const oust = await app.request(`DELETE /organizations/${org}/members/${owner.userId}`, {
      token: admin.token,
    })
    expect(oust.body).toMatchObject({ status: 403, code: 'role_above_own' })
  })
})

describe('409 last_owner', () => {
  test('the only owner neither leaves nor becomes less', async () => {
    const owner = await signIn(app)
    const org = await newTeam(app, owner)
    const path = `/organizations/${org}/members/${owner.userId}`
    const { token } = owner
    const leave = await app.request(`DELETE ${path}`, { token })
    expect(leave.body).toMatchObject({ status: 409, code: 'last_owner' })
    const less = await app.request(`PATCH ${path}`, { token, body: { role: 'member' } })
    expect(less.body).toMatchObject({ status: 409, code: 'last_owner' })
  })

  test('two owners who remove each other at once leave exactly one', async () => {
    for (let round = 0; round < 5; round++) {
      const first = await signIn(app)
      const org = await newTeam(app, first)
      const second = await signInMember(app, org, 'owner')
      const remove = (by: { token: string }, whom: { userId: string }) =>
        app.request(`DELETE /organizations/${org}/members/${whom.userId}`, { token: by.token })
      const replies = await Promise.all([remove(first, second), remove(second, first)])
      expect(replies.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([204, 404])
      const { state } = await app.app.deps.streams.load(organization, org)
      expect([...(state?.members.values() ?? [])]).toEqual(['owner'])
    }
  })
})

describe('422 of invitations', () => {
  const invite = async (email: string) => {
    const owner = await signIn(app)
    const org = await newTeam(app, owner)
    const invited = await app.request(`POST /organizations/${org}/invitations`, {
      token: owner.token,
      body: { email },
    })
    return invitationToken(app, invited.body['id'])
  }

  test('a token that was made up, and one of another address', async () => {
    const guest = await signIn(app)
    const accept = (token: string) =>
      app.request(`POST /invitations/${token}/accept`, { token: guest.token })
    const made = `mai_00000000000000000000000000.${'0'.repeat(64)}`
    expect((await accept(made)).body).toMatchObject({ status: 422, code: 'token_unusable' })
    expect((await accept('x')).body).toMatchObject({ status: 422, code: 'token_unusable' })
    const others = await invite('somebody-else@example.test')
    expect((await accept(others)).body).toMatchObject({ status: 422, code: 'invitation_unusable' })
  })

  test('409 for who is a member already', async () => {
    const owner = await signIn(app)
    const org = await newTeam(app, owner)
    const member = await signInMember(app, org, 'member')
    const invited = await app.request(`POST /organizations/${org}/invitations`, {
      token: owner.token,
      body: { email: await emailOf(app, member) },
    })
    const token = await invitationToken(app, invited.body['id'])
    const reply = await app.request(`POST /invitations/${token}/accept`, { token: member.token })
    expect(reply.body).toMatchObject({ status: 409, code: 'already_member' })
  })

  test('a token of last week', async () => {
    const late = await startTestApp()
    try {
      const [owner, guest] = [await signIn(late), await signIn(late)]
      const org = await newTeam(late, owner)
      const invited = await late.request(`POST /organizations/${org}/invitations`, {
        token: owner.token,
        body: { email: await emailOf(late, guest) },
      })
      const token = await invitationToken(late, invited.body['id'])
      late.clock.advance(7 * 24 * 60 * 60_000)
      const now = Math.floor(late.clock.now().getTime() / 1_000)
      const claims = { userId: guest.userId, sessionId: guest.sessionId, issuedAt: now }
      const access = await late.app.deps.tokens.signAccess({ ...claims, expiresAt: now + 60 })
      const reply = await late.request(`POST /invitations/${token}/accept`, { token: access })
      expect(reply.body).toMatchObject({ status: 422, code: 'token_unusable' })
    } finally {
      await late.stop()
    }
  })
})
