// Organizations are made, shown to who belongs to them, and joined with the mailed token alone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { typesOf } from '../../support/people.ts'
import { signIn, signInMember } from '../../support/seed.ts'
import { emailOf, invitationToken, newTeam } from './organizations.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

interface Shown {
  readonly id: string
  readonly role: string
  readonly members: readonly { user_id: string; role: string; email?: string }[]
  readonly invitations?: readonly unknown[]
}

describe('POST and GET /organizations', () => {
  test('201 with its place; its maker is the owner; it is in their list', async () => {
    const owner = await signIn(app)
    const { token } = owner
    const made = await app.request('POST /organizations', { token, body: { name: ' Crew ' } })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ kind: 'team', name: 'Crew', role: 'owner' })
    expect(made.headers['location']).toBe(`/organizations/${String(made.body['id'])}`)
    await app.settled()
    const list = await app.request<{ items: { id: string }[] }>('GET /organizations', { token })
    expect(list.body.items.map((one) => one.id)).toEqual([owner.orgId, made.body['id']])
    const first = await app.request<{ items: { id: string }[]; next_cursor: string }>(
      'GET /organizations?limit=1',
      { token },
    )
    const { next_cursor } = first.body
    const second = await app.request<{ items: { id: string }[]; next_cursor: null }>(
      `GET /organizations?limit=1&cursor=${next_cursor}`,
      { token },
    )
    expect(second.body.items.map((one) => one.id)).toEqual([made.body['id']])
    expect(second.body.next_cursor).toBe(null)
  })

  test('the same key 20 times makes one organization with one answer', async () => {
    const { token } = await signIn(app)
    const wish = { token, body: { name: 'Once' }, key: 'make-once' }
    const all = await Promise.all(
      Array.from({ length: 20 }, () => app.request('POST /organizations', wish)),
    )
    expect(new Set(all.map((one) => one.text)).size).toBe(1)
    expect(all[0]?.status).toBe(201)
    const other = await app.request('POST /organizations', { ...wish, body: { name: 'Other' } })
    expect(other.body).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
  })

  test('addresses are shown to who manages, not to a member or an auditor', async () => {
    const owner = await signIn(app)
    const org = await newTeam(app, owner)
    const member = await signInMember(app, org, 'member')
    const admin = await signInMember(app, org, 'admin')
    const seen = async (token: string) =>
      (await app.request<Shown>(`GET /organizations/${org}`, { token })).body
    const all = await seen(owner.token)
    expect(all.members).toHaveLength(3)
    expect(all.members.find((one) => one.user_id === member.userId)).toEqual({
      user_id: member.userId,
      role: 'member',
      email: await emailOf(app, member),
      active: true,
    })
    expect(await seen(admin.token)).toMatchObject({ role: 'admin', invitations: [] })
    const little = await seen(member.token)
    expect(little.members.map((one) => Object.keys(one))).toEqual(
      little.members.map(() => ['user_id', 'role']),
    )
    expect(little.invitations).toBeUndefined()
  })
})

test('PATCH changes name and retention, and only at the revision that was seen', async () => {
  const owner = await signIn(app)
  const { token } = owner
  const org = await newTeam(app, owner)
  const changed = await app.request(`PATCH /organizations/${org}`, {
    token,
    body: { name: 'New name', content_days: 3 },
    headers: { 'if-match': '"0"' },
  })
  expect(changed.body).toMatchObject({ name: 'New name', content_days: 3 })
  expect(changed.headers['etag']).toBe('"2"')
  const stale = await app.request(`PATCH /organizations/${org}`, {
    token,
    body: { name: 'Late' },
    headers: { 'if-match': '"0"' },
  })
  expect(stale.status).toBe(412)
  const back = await app.request(`PATCH /organizations/${org}`, {
    token,
    body: { content_days: null },
  })
  expect(back.body).toMatchObject({ name: 'New name', content_days: null })
})

describe('invitations', () => {
  test('the invited person joins with the mailed token, twice without a second effect', async () => {
    const [owner, guest] = [await signIn(app), await signIn(app)]
    const org = await newTeam(app, owner)
    const invited = await app.request(`POST /organizations/${org}/invitations`, {
      token: owner.token,
      body: { email: (await emailOf(app, guest)).toUpperCase(), role: 'admin' },
    })
    expect(invited.status).toBe(201)
    expect(invited.body).toMatchObject({ role: 'admin', expires_at: '2026-11-08T12:00:00.000Z' })
    const token = await invitationToken(app, invited.body['id'])
    expect(invited.text).not.toContain(token)
    const joins = await Promise.all(
      Array.from({ length: 5 }, () =>
        app.request(`POST /invitations/${token}/accept`, { token: guest.token }),
      ),
    )
    expect(joins.map((one) => [one.status, one.body['role']])).toEqual(
      Array.from({ length: 5 }, () => [200, 'admin']),
    )
    expect(await typesOf(app, `organization-${org}`)).toEqual([
      'OrganizationCreated',
      'MemberInvited',
      'MemberAdded',
    ])
  })

  test('20 invitations under one key are one, with one mail', async () => {
    const owner = await signIn(app)
    const org = await newTeam(app, owner)
    const wish = { token: owner.token, body: { email: 'new@example.test' }, key: 'invite-once' }
    const all = await Promise.all(
      Array.from({ length: 20 }, () => app.request(`POST /organizations/${org}/invitations`, wish)),
    )
    expect(new Set(all.map((one) => one.text)).size).toBe(1)
    await invitationToken(app, all[0]?.body['id'])
    const log = await app.app.engine.events.readAll({ after: -1n, limit: 10_000 })
    const mails = log.filter(({ data }) => data['subjectId'] === all[0]?.body['id'])
    expect(mails.map((event) => event.type)).toEqual(['MailRequested'])
  })

  test('one that was taken back is of no use', async () => {
    const [owner, guest] = [await signIn(app), await signIn(app)]
    const org = await newTeam(app, owner)
    const invited = await app.request(`POST /organizations/${org}/invitations`, {
      token: owner.token,
      body: { email: await emailOf(app, guest) },
    })
    const id = String(invited.body['id'])
    const token = await invitationToken(app, id)
    const gone = await app.request(`DELETE /organizations/${org}/invitations/${id}`, {
      token: owner.token,
    })
    expect(gone.status).toBe(204)
    const late = await app.request(`POST /invitations/${token}/accept`, { token: guest.token })
    expect(late.body).toMatchObject({ status: 422, code: 'invitation_unusable' })
  })
})

test('switch: requests without a header act in the chosen organization from then on', async () => {
  const owner = await signIn(app)
  const { token } = owner
  const org = await newTeam(app, owner)
  await app.settled()
  const unsure = await app.request('GET /billing/account', { token })
  expect(unsure.body).toMatchObject({ status: 409, code: 'organization_required' })
  const chosen = await app.request(`POST /organizations/${org}/switch`, { token })
  expect(chosen.body).toMatchObject({ id: org, role: 'owner' })
  const account = await app.request('GET /billing/account', { token })
  expect(account.body).toMatchObject({ organization_id: org })
})

test('a member leaves, and on the next request the organization is unknown to them', async () => {
  const owner = await signIn(app)
  const org = await newTeam(app, owner)
  const { token, userId } = await signInMember(app, org, 'member')
  const leave = { token, key: 'leave-once' }
  const left = await app.request(`DELETE /organizations/${org}/members/${userId}`, leave)
  expect(left.status).toBe(204)
  expect((await app.request(`GET /organizations/${org}`, { token })).status).toBe(404)
  const again = await app.request(`DELETE /organizations/${org}/members/${userId}`, leave)
  expect(again.status).toBe(204)
})
