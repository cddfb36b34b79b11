// An organization passes from hand to hand and has an owner at every moment, whoever asks at once for whatever.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { organization } from '../../../src/domain/organization/organization.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { typesOf } from '../../support/people.ts'
import { type SignedIn, signIn, signInMember } from '../../support/seed.ts'
import { newTeam } from './organizations.ts'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
})
afterAll(() => app.stop())

const transfer = (org: string, by: SignedIn, to: string, key?: string) =>
  app.request(`POST /organizations/${org}/transfer`, {
    token: by.token,
    body: { user_id: to },
    ...(key !== undefined && { key }),
  })
const rolesOf = async (org: string) =>
  (await app.app.deps.streams.load(organization, org)).state?.members ?? new Map<string, string>()

async function team(...roles: ('owner' | 'admin' | 'member' | 'auditor')[]) {
  const owner = await signIn(app)
  const org = await newTeam(app, owner)
  const others: SignedIn[] = []
  for (const role of roles) others.push(await signInMember(app, org, role))
  return { owner, org, others }
}

describe('POST /organizations/{id}/transfer', () => {
  test.each(['admin', 'member', 'auditor'] as const)(
    '200: the %s is the owner, the owner an admin, in one append',
    async (role) => {
      const { owner, org, others } = await team(role)
      const [heir = owner] = others
      const reply = await transfer(org, owner, heir.userId)
      expect(reply.status).toBe(200)
      expect(reply.body).toMatchObject({ id: org, role: 'admin' })
      expect(await rolesOf(org)).toEqual(
        new Map([
          [owner.userId, 'admin'],
          [heir.userId, 'owner'],
        ]),
      )
      const events = await app.app.engine.events.readStream(`organization-${org}`, { after: 1 })
      expect(events.map(({ data }) => [data['userId'], data['role']])).toEqual([
        [heir.userId, 'owner'],
        [owner.userId, 'admin'],
      ])
      expect(new Set(events.map(({ metadata }) => metadata.commandId)).size).toBe(1)
    },
  )

  test('200: to another owner, only one’s own role changes; an admin then hands over nothing', async () => {
    const { owner, org, others } = await team('owner')
    const [other = owner] = others
    expect((await transfer(org, owner, other.userId)).status).toBe(200)
    expect((await transfer(org, owner, other.userId)).status).toBe(403)
    expect(await typesOf(app, `organization-${org}`)).toEqual([
      'OrganizationCreated',
      'MemberAdded',
      'MemberRoleChanged',
    ])
  })

  test('the same key 10 times is one transfer with one answer', async () => {
    const { owner, org, others } = await team('member')
    const [heir = owner] = others
    const all = await Promise.all(
      Array.from({ length: 10 }, () => transfer(org, owner, heir.userId, 'hand-over')),
    )
    expect(new Set(all.map((one) => `${one.status} ${one.text}`)).size).toBe(1)
    expect(all[0]?.status).toBe(200)
    expect(await typesOf(app, `organization-${org}`)).toHaveLength(4)
  })

  test('400 for oneself, and for what is no id', async () => {
    const { owner, org } = await team()
    for (const to of [owner.userId, 'you'])
      expect((await transfer(org, owner, to)).body).toMatchObject({
        status: 400,
        errors: [{ path: 'body.user_id' }],
      })
  })

  test('401 without a token', async () => {
    const { org, owner } = await team()
    const reply = await app.request(`POST /organizations/${org}/transfer`, {
      body: { user_id: owner.userId },
    })
    expect(reply.status).toBe(401)
  })

  test('403 for whoever is not an owner', async () => {
    const { org, others } = await team('admin', 'member', 'auditor')
    for (const [index, by] of others.entries()) {
      const to = others[(index + 1) % others.length]
      const reply = await transfer(org, by, to?.userId ?? '')
      expect(reply.body).toMatchObject({
        status: 403,
        code: 'forbidden',
        facts: { needed: 'owner' },
      })
    }
  })

  test('404 for a stranger, as for an organization that never was, and for who is no member', async () => {
    const { owner, org } = await team()
    const stranger = await signIn(app)
    const unknown = 'org_00000000000000000000000000'
    for (const id of [org, unknown])
      expect((await transfer(id, stranger, owner.userId)).body).toMatchObject({
        status: 404,
        code: 'organization_not_found',
      })
    expect((await transfer(org, owner, stranger.userId)).body).toMatchObject({
      status: 404,
      code: 'member_not_found',
    })
  })

  test('409 for a personal organization: it stays its person’s', async () => {
    const owner = await signIn(app)
    const guest = await signInMember(app, owner.orgId, 'member')
    const reply = await transfer(owner.orgId, owner, guest.userId)
    expect(reply.body).toMatchObject({ status: 409, code: 'last_owner' })
  })

  test('the new owner may at once what the old one may not any more', async () => {
    const { owner, org, others } = await team('member')
    const [heir = owner] = others
    await transfer(org, owner, heir.userId)
    const lower = (by: SignedIn, whom: SignedIn, role: string) =>
      app.request(`PATCH /organizations/${org}/members/${whom.userId}`, {
        token: by.token,
        body: { role },
      })
    expect((await lower(owner, heir, 'member')).body).toMatchObject({ code: 'role_above_own' })
    expect((await lower(heir, owner, 'member')).status).toBe(200)
    const leave = await app.request(`DELETE /organizations/${org}/members/${owner.userId}`, {
      token: owner.token,
    })
    expect(leave.status).toBe(204)
  })
})

const ROUNDS = 5
const owners = async (org: string) =>
  [...(await rolesOf(org))].filter(([, role]) => role === 'owner').map(([userId]) => userId)

describe('at once', () => {
  test('two owners who lower each other leave exactly one', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { owner, org, others } = await team('owner')
      const [other = owner] = others
      const lower = (by: SignedIn, whom: SignedIn) =>
        app.request(`PATCH /organizations/${org}/members/${whom.userId}`, {
          token: by.token,
          body: { role: 'member' },
        })
      const replies = await Promise.all([lower(owner, other), lower(other, owner)])
      expect(replies.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([200, 403])
      expect(await owners(org)).toHaveLength(1)
    }
  })

  test('an owner who hands over to several at once hands over once', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { owner, org, others } = await team('member', 'member', 'member')
      const replies = await Promise.all(others.map((to) => transfer(org, owner, to.userId)))
      expect(replies.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([200, 403, 403])
      expect(await owners(org)).toHaveLength(1)
    }
  })

  test('owners who hand over to each other, leave and lower each other never leave it ownerless', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { owner, org, others } = await team('owner', 'owner')
      const [second = owner, third = owner] = others
      const path = `/organizations/${org}/members`
      await Promise.all([
        transfer(org, owner, second.userId),
        transfer(org, second, third.userId),
        transfer(org, third, owner.userId),
        app.request(`DELETE ${path}/${owner.userId}`, { token: owner.token }),
        app.request(`DELETE ${path}/${third.userId}`, { token: second.token }),
        app.request(`PATCH ${path}/${second.userId}`, {
          token: third.token,
          body: { role: 'auditor' },
        }),
      ])
      expect((await owners(org)).length).toBeGreaterThanOrEqual(1)
    }
  })
})

describe('several organizations', () => {
  test('a request names one by header, a session keeps one, and the header wins', async () => {
    const { owner, org } = await team()
    const { token, orgId: personal } = owner
    await app.settled()
    const asked = async (header?: string) =>
      (
        await app.request<{ organization_id: string; code: string }>('GET /billing/account', {
          token,
          ...(header !== undefined && { org: header }),
        })
      ).body
    expect(await asked()).toMatchObject({ code: 'organization_required' })
    expect(await asked(personal)).toMatchObject({ organization_id: personal })
    expect(await asked(org)).toMatchObject({ organization_id: org })
    await app.request(`POST /organizations/${org}/switch`, { token })
    expect(await asked()).toMatchObject({ organization_id: org })
    expect(await asked(personal)).toMatchObject({ organization_id: personal })
    const foreign = await asked((await signIn(app)).orgId)
    expect(foreign).toMatchObject({ code: 'organization_not_found' })
  })
})
