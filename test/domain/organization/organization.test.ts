// An organization has an owner at every moment, and nobody gives or takes more than they have.
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type OrganizationEvent,
  organizationEvents,
  organizationRoles,
} from '../../../src/domain/organization/events.ts'
import {
  organization,
  type OrganizationCommand,
} from '../../../src/domain/organization/organization.ts'
import { Refusal } from '../../../src/domain/refusal.ts'
import { idOf, minute } from '../../support/account-commands.ts'
import { given, stateOf } from '../../support/decider.ts'

const orgId = idOf('organization', 1)
const person = (n: number) => idOf('user', n)
const [owner, admin, member, auditor, stranger] = [1, 2, 3, 4, 9].map(person) as [
  string,
  string,
  string,
  string,
  string,
]
const at = minute(0)

const create = (kind: 'personal' | 'team'): OrganizationCommand => ({
  type: 'CreateOrganization',
  orgId,
  kind,
  ownerId: owner,
  name: 'Ada',
  at,
})
const add = (userId: string, role: (typeof organizationRoles)[number]): OrganizationCommand => ({
  type: 'AddMember',
  userId,
  role,
  at,
})
const change = (by: string, userId: string, role: (typeof organizationRoles)[number]) =>
  ({ type: 'ChangeMemberRole', by, userId, role, at }) as const
const remove = (by: string, userId: string) => ({ type: 'RemoveMember', by, userId, at }) as const
const transfer = (by: string, userId: string) =>
  ({ type: 'TransferOwnership', by, userId, at }) as const
const invite = (
  n: number,
  more: Partial<Extract<OrganizationCommand, { type: 'InviteMember' }>> = {},
) =>
  ({
    type: 'InviteMember',
    invitationId: idOf('invitation', n),
    email: 'grace@example.com',
    emailHmac: 'hmac of grace',
    tokenHash: `token ${n}`,
    role: 'member',
    expiresAt: minute(60),
    by: owner,
    at,
    ...more,
  }) as const
const accept = (n: number, more: object = {}): OrganizationCommand => ({
  type: 'AcceptInvitation',
  tokenHash: `token ${n}`,
  userId: stranger,
  emailHmac: 'hmac of grace',
  at,
  ...more,
})

function after(...commands: readonly OrganizationCommand[]): OrganizationEvent[] {
  const events: OrganizationEvent[] = []
  for (const command of commands) events.push(...given(organization, events).when(command).events())
  for (const { type, data } of events) organizationEvents[type].schema.parse(data)
  return events
}
const team = after(
  create('team'),
  add(admin, 'admin'),
  add(member, 'member'),
  add(auditor, 'auditor'),
)

describe('an organization', () => {
  it('is made once, by its first owner', () => {
    given(organization, team).when(create('team')).thenNothing()
    expect(stateOf(organization, team)?.members.get(owner)).toBe('owner')
    given(organization, []).when(remove(owner, admin)).thenRefused('organization_not_found')
  })

  it('is renamed by who manages it, under their own key', () => {
    const rename = { type: 'RenameOrganization', name: 'Engine', userId: admin, at } as const
    expect(given(organization, team).when(rename).events()[0]?.data).toMatchObject({
      userId: admin,
      name: 'Engine',
    })
    given(organization, team)
      .when({ ...rename, name: 'Ada' })
      .thenNothing()
    given(organization, team)
      .when({ ...rename, userId: member })
      .thenRefused('forbidden')
  })

  it('keeps texts as long as it says, or as the installation says', () => {
    const keep = { type: 'ChangeContentRetention', days: 7, by: owner, at } as const
    const kept = [...team, ...given(organization, team).when(keep).events()]
    expect(stateOf(organization, kept)?.contentDays).toBe(7)
    given(organization, kept).when(keep).thenNothing()
    const back = given(organization, kept)
      .when({ type: 'ChangeContentRetention', by: owner, at })
      .events()
    expect(stateOf(organization, [...kept, ...back])?.contentDays).toBe(undefined)
    given(organization, team)
      .when({ ...keep, by: auditor })
      .thenRefused('forbidden')
  })
})

describe('a role', () => {
  it('is never given, changed or removed above one’s own', () => {
    for (const command of [
      change(admin, member, 'owner'),
      change(admin, owner, 'member'),
      change(admin, admin, 'owner'),
      remove(admin, owner),
      invite(1, { by: admin, role: 'owner' }),
    ])
      given(organization, team).when(command).thenRefused('role_above_own')
    for (const by of [member, auditor])
      for (const command of [change(by, auditor, 'member'), remove(by, admin), invite(1, { by })])
        given(organization, team).when(command).thenRefused('forbidden')
  })

  it('changes by who manages, or by the platform', () => {
    for (const by of [admin, owner, 'platform'])
      expect(
        given(organization, team)
          .when(change(by, member, 'auditor'))
          .events(),
      ).toHaveLength(1)
    given(organization, team)
      .when(change(admin, member, 'member'))
      .thenNothing()
    given(organization, team)
      .when(change(owner, stranger, 'member'))
      .thenRefused('member_not_found')
  })

  it('is nobody’s business to a stranger', () => {
    for (const command of [
      change(stranger, member, 'auditor'),
      remove(stranger, member),
      invite(1, { by: stranger }),
    ])
      given(organization, team).when(command).thenRefused('organization_not_found')
  })
})

describe('the last owner', () => {
  it('can neither leave nor be made less', () => {
    for (const by of [owner, 'platform']) {
      given(organization, team)
        .when(change(by, owner, 'admin'))
        .thenRefused('last_owner')
      given(organization, team).when(remove(by, owner)).thenRefused('last_owner')
    }
    const two = after(create('team'), add(admin, 'owner'))
    expect(given(organization, two).when(remove(owner, owner)).events()).toHaveLength(1)
  })

  it('of a personal organization is its person, whoever has joined', () => {
    const two = after(create('personal'), add(admin, 'owner'))
    given(organization, two).when(remove(owner, owner)).thenRefused('last_owner')
    given(organization, two)
      .when(change(admin, owner, 'member'))
      .thenRefused('last_owner')
    expect(given(organization, two).when(remove(admin, admin)).events()).toHaveLength(1)
  })

  it('is there after whatever is asked', () => {
    const people = fc.constantFrom(owner, admin, member, auditor)
    const roles = fc.constantFrom(...organizationRoles)
    const wish = fc.oneof(
      fc.tuple(people, people, roles).map(([by, who, role]) => change(by, who, role)),
      fc.tuple(people, people).map(([by, who]) => remove(by, who)),
      fc.tuple(people, people).map(([by, who]) => transfer(by, who)),
      fc.tuple(people, roles).map(([who, role]) => add(who, role)),
    )
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 40, size: 'max' }), (wishes) => {
        let state = stateOf(organization, team)
        for (const command of wishes) {
          try {
            for (const event of organization.decide(command, state)) {
              state = organization.evolve(state, event)
              // Between the events of one append, too.
              expect([...(state?.members.values() ?? [])]).toContain('owner')
            }
          } catch (error) {
            if (!(error instanceof Refusal)) throw error
          }
        }
      }),
    )
  })
})

describe('handing over', () => {
  it('makes one an owner and the other an admin', () => {
    const events = given(organization, team).when(transfer(owner, auditor)).events()
    const { members } = stateOf(organization, [...team, ...events]) ?? {}
    expect(events).toHaveLength(2)
    expect([members?.get(owner), members?.get(auditor)]).toEqual(['admin', 'owner'])
  })

  it('is an owner’s alone, to a member, and never of a personal organization', () => {
    for (const by of [admin, member, auditor])
      given(organization, team).when(transfer(by, member)).thenRefused('forbidden')
    for (const by of [stranger, 'platform'])
      given(organization, team).when(transfer(by, member)).thenRefused('organization_not_found')
    given(organization, team).when(transfer(owner, stranger)).thenRefused('member_not_found')
    given(organization, team).when(transfer(owner, owner)).thenNothing()
    const personal = after(create('personal'), add(member, 'member'))
    given(organization, personal).when(transfer(owner, member)).thenRefused('last_owner')
  })
})

describe('leaving', () => {
  it('needs nobody’s leave, and happens once', () => {
    const left = [...team, ...given(organization, team).when(remove(auditor, auditor)).events()]
    expect(stateOf(organization, left)?.members.has(auditor)).toBe(false)
    given(organization, left).when(remove(auditor, auditor)).thenNothing()
    given(organization, left).when(remove(owner, auditor)).thenNothing()
  })
})

describe('an invitation', () => {
  const invited = [...team, ...given(organization, team).when(invite(1)).events()]

  it('is accepted once, in time, by the address it was sent to', () => {
    const joined = given(organization, invited).when(accept(1)).events()
    expect(joined).toMatchObject([
      { type: 'MemberAdded', data: { userId: stranger, role: 'member' } },
    ])
    const refused = [{ at: minute(60) }, { emailHmac: 'of another' }, { tokenHash: 'guessed' }]
    for (const wrong of refused)
      given(organization, invited).when(accept(1, wrong)).thenRefused('invitation_unusable')
    given(organization, invited)
      .when(accept(1, { userId: member }))
      .thenRefused('already_member')
    const inside = [...invited, ...joined]
    given(organization, inside).when(accept(1)).thenNothing()
    given(organization, inside)
      .when(accept(1, { userId: person(10) }))
      .thenRefused('invitation_unusable')
    const removed = [
      ...inside,
      ...given(organization, inside).when(remove(owner, stranger)).events(),
    ]
    given(organization, removed).when(accept(1)).thenRefused('invitation_unusable')
  })

  it('gives way to a newer one of the same address', () => {
    given(organization, invited).when(invite(1)).thenNothing()
    const events = given(organization, invited).when(invite(2)).events()
    expect(events.map((event) => event.type)).toEqual(['InvitationRevoked', 'MemberInvited'])
    given(organization, [...invited, ...events])
      .when(accept(1))
      .thenRefused('invitation_unusable')
    expect(
      given(organization, [...invited, ...events])
        .when(accept(2))
        .events(),
    ).toHaveLength(1)
  })

  it('is worth what its inviter may give when it is accepted', () => {
    const byAdmin = [
      ...team,
      ...given(organization, team)
        .when(invite(1, { by: admin }))
        .events(),
    ]
    expect(given(organization, byAdmin).when(accept(1)).events()).toHaveLength(1)
    for (const end of [
      change(owner, admin, 'member'),
      change(owner, admin, 'auditor'),
      remove(owner, admin),
      remove(admin, admin),
    ]) {
      const events = [...byAdmin, ...given(organization, byAdmin).when(end).events()]
      given(organization, events).when(accept(1)).thenRefused('invitation_unusable')
    }
    const two = after(create('team'), add(admin, 'owner'), invite(1, { by: admin, role: 'owner' }))
    const lowered = [...two, ...given(organization, two).when(transfer(admin, owner)).events()]
    given(organization, lowered).when(accept(1)).thenRefused('invitation_unusable')
    const byPlatform = after(create('team'), invite(1, { by: 'platform', role: 'owner' }))
    expect(given(organization, byPlatform).when(accept(1)).events()).toHaveLength(1)
  })

  it('can be taken back', () => {
    const back = {
      type: 'RevokeInvitation',
      invitationId: idOf('invitation', 1),
      by: admin,
      at,
    } as const
    const revoked = [...invited, ...given(organization, invited).when(back).events()]
    given(organization, revoked).when(accept(1)).thenRefused('invitation_unusable')
    given(organization, revoked).when(back).thenNothing()
    given(organization, team).when(back).thenRefused('invitation_unusable')
    given(organization, invited)
      .when({ ...back, by: member })
      .thenRefused('forbidden')
  })
})

it('takes one whom the platform adds, once', () => {
  given(organization, team).when(add(admin, 'admin')).thenNothing()
  given(organization, team).when(add(admin, 'owner')).thenRefused('already_member')
})
