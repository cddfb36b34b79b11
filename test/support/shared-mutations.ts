/** The rows of mutations.ts for what many share: organizations, plans, credit, the catalogue. */
import { fund, invoke } from './funded.ts'
import { invitationToken, invited } from './invitations.ts'
import { paddleRows } from './paddle-mutations.ts'
import { pageRows } from './page-mutations.ts'
import { freshEmail, newPerson } from './people.ts'
import { policyAndKeyRows } from './policy-mutations.ts'
import { addMember, signIn, signInMember } from './seed.ts'
import { telegramRows } from './telegram-mutations.ts'
import { ANOTHER_TARGET, type Mutation, own, type Rows, type World } from './mutations.ts'

const organizationRows: Rows = {
  'POST /organizations': (world) => ({
    wish: { ...own(world), line: 'POST /organizations', body: { name: 'Team' } },
    other: { body: { name: 'Another team' } },
    status: 201,
    effects: { OrganizationCreated: 1 },
  }),
  'PATCH /organizations/{id}': (world) => ({
    wish: {
      ...own(world),
      line: `PATCH /organizations/${world.owner.orgId}`,
      body: { name: 'Another name' },
    },
    other: { body: { name: 'Still another name' } },
    status: 200,
    effects: { OrganizationRenamed: 1 },
  }),
  'POST /organizations/{id}/invitations': (world) => {
    const body = { email: freshEmail(), role: 'member' }
    return {
      wish: { ...own(world), line: `POST /organizations/${world.owner.orgId}/invitations`, body },
      other: { body: { ...body, role: 'admin' } },
      status: 201,
      effects: { MemberInvited: 1, MailRequested: 1 },
    }
  },
  'DELETE /organizations/{id}/invitations/{invitation_id}': async (world) => {
    const { id } = await invited(world)
    const path = `/organizations/${world.owner.orgId}/invitations`
    return {
      wish: { ...own(world), line: `DELETE ${path}/${id}` },
      why: ANOTHER_TARGET,
      status: 204,
      effects: { InvitationRevoked: 1 },
    }
  },
  'POST /invitations/{token}/accept': async (world) => {
    const { test } = world
    const guest = await newPerson(test)
    await invited(world, guest.email)
    const token = await invitationToken(world, guest.email)
    return {
      wish: { line: `POST /invitations/${token}/accept`, token: guest.token },
      why: ANOTHER_TARGET,
      status: 200,
      effects: { MemberAdded: 1, EmailVerified: 1 },
    }
  },
  'PATCH /organizations/{id}/members/{user_id}': async (world) => {
    const { userId } = await signInMember(world.test, world.owner.orgId, 'member')
    return {
      wish: {
        ...own(world),
        line: `PATCH /organizations/${world.owner.orgId}/members/${userId}`,
        body: { role: 'auditor' },
      },
      other: { body: { role: 'admin' } },
      status: 200,
      effects: { MemberRoleChanged: 1 },
    }
  },
  'DELETE /organizations/{id}/members/{user_id}': async (world) => {
    const { userId } = await signInMember(world.test, world.owner.orgId, 'member')
    const path = `/organizations/${world.owner.orgId}/members`
    return {
      wish: { ...own(world), line: `DELETE ${path}/${userId}` },
      why: ANOTHER_TARGET,
      status: 204,
      effects: { MemberRemoved: 1 },
    }
  },
  'POST /organizations/{id}/transfer': async (world) => {
    const [owner, member, another] = [
      await signIn(world.test),
      await signIn(world.test),
      await signIn(world.test),
    ]
    const { body } = await world.test.request<{ id: string }>('POST /organizations', {
      token: owner.token,
      body: { name: 'Handed over' },
    })
    for (const { userId } of [member, another]) await addMember(world.test, body.id, userId)
    return {
      wish: {
        token: owner.token,
        line: `POST /organizations/${body.id}/transfer`,
        body: { user_id: member.userId },
      },
      other: { body: { user_id: another.userId } },
      status: 200,
      effects: { MemberRoleChanged: 2 },
    }
  },
  'POST /organizations/{id}/switch': async (world) => {
    const member = await signInMember(world.test, world.owner.orgId, 'member')
    return {
      wish: { token: member.token, line: `POST /organizations/${world.owner.orgId}/switch` },
      why: ANOTHER_TARGET,
      status: 200,
      effects: { OrganizationSelected: 1 },
    }
  },
}

const planBody = (slug: string) => ({
  name: 'A plan',
  slug,
  prices: { price_list: 'Row prices' },
  grace_days: 0,
  free: true,
  agents: 'all',
  limits: {},
  self_subscribe: true,
})
const figures = { input_uncached: '1', input_cached: '0.5', output: '2', reasoning: '2' }
const priceList = (name: string) => ({
  name,
  entries: [{ model: 'test-model', cost: figures, price: figures }],
})
const modelBody = (name: string) => ({
  name,
  provider: 'openai',
  context_size: 128_000,
  max_output: 16_000,
  encoding: 'bytes',
  parameters: { max_tokens: 'max_tokens', temperature: true },
  framing: { per_message: 4, per_request: 3 },
})

async function published(world: World, path: string, body: unknown): Promise<string> {
  const reply = await asAdministrator(world, `POST ${path}`, body)
  if (reply.status > 201) throw new Error(reply.text)
  return reply.body.id
}

const asAdministrator = ({ test, administrator }: World, line: string, body?: unknown) =>
  test.request<{ id: string }>(line, {
    token: administrator.token,
    ...(body === undefined ? {} : { body }),
  })

async function aPlan(world: World): Promise<string> {
  await published(world, '/admin/price-lists', priceList('Row prices'))
  return published(world, '/admin/plans', planBody(fresh(world)))
}
const fresh = ({ test }: World): string => `row-${test.app.deps.ids.random().slice(0, 8)}`

/** With a provider: test/api/billing/checkout.test.ts. */
const NOBODY_IS_PAID = 'these installations have no payment provider'

const billingRows: Rows = {
  'POST /billing/subscribe': async (world) => {
    const [first, second] = [await aPlan(world), await aPlan(world)]
    const { token, orgId } = await signIn(world.test)
    return {
      wish: { token, org: orgId, line: 'POST /billing/subscribe', body: { plan_id: first } },
      other: { body: { plan_id: second } },
      status: 200,
      effects: { SubscriptionStarted: 1, PeriodStarted: 1 },
    }
  },
  'POST /billing/top-up': (world) => ({
    wish: { ...own(world), line: 'POST /billing/top-up', body: { quantity: 2 } },
    status: 409,
    effects: {},
    mayDiffer: ['request_id'],
    why: NOBODY_IS_PAID,
  }),
  'POST /billing/portal': (world) => ({
    wish: { ...own(world), line: 'POST /billing/portal' },
    status: 409,
    effects: {},
    mayDiffer: ['request_id'],
    why: NOBODY_IS_PAID,
  }),
  'POST /billing/cancel': async ({ test }) => {
    const { token, orgId } = await fund(test)
    return {
      wish: { token, org: orgId, line: 'POST /billing/cancel' },
      status: 200,
      effects: { SubscriptionCanceled: 1 },
      why: 'it says nothing that could be said otherwise',
    }
  },
}

const adminRows: Rows = {
  'POST /admin/users/{id}/deactivate': async (world) => {
    const { userId } = await signIn(world.test)
    return {
      wish: { ...platform(world), line: `POST /admin/users/${userId}/deactivate`, body: {} },
      other: { body: { reason: 'another' } },
      status: 204,
      effects: { UserDeactivated: 1, SessionRevoked: 1 },
    }
  },
  'POST /admin/users/{id}/activate': async (world) => {
    const { userId } = await signIn(world.test)
    await asAdministrator(world, `POST /admin/users/${userId}/deactivate`)
    return {
      wish: { ...platform(world), line: `POST /admin/users/${userId}/activate` },
      why: ANOTHER_TARGET,
      status: 204,
      effects: { UserReactivated: 1 },
    }
  },
  'POST /admin/organizations/{org_id}/subscribe': async (world) => {
    const [first, second] = [await aPlan(world), await aPlan(world)]
    const { orgId } = await signIn(world.test)
    const line = `POST /admin/organizations/${orgId}/subscribe`
    return {
      wish: { ...platform(world), line, body: { plan_id: first } },
      other: { body: { plan_id: second } },
      status: 200,
      effects: { SubscriptionStarted: 1, PeriodStarted: 1 },
    }
  },
  'POST /admin/accounts/{org_id}/credits': async (world) => {
    const { orgId } = await signIn(world.test)
    const body = { amount: '1.50', kind: 'paid', reason: 'for a test' }
    return {
      wish: { ...platform(world), line: `POST /admin/accounts/${orgId}/credits`, body },
      other: { body: { ...body, amount: '1.51' } },
      status: 201,
      effects: { CreditGranted: 1 },
    }
  },
  'POST /admin/invocations/{id}/adjust': async (world) => {
    const { body: call } = await invoke(world.test, world.owner)
    const line = `POST /admin/invocations/${call.invocation_id}/adjust`
    const body = { amount: '0.000001', reason: 'for a test' }
    return {
      wish: { ...platform(world), line, body },
      other: { body: { ...body, amount: '0.000002' } },
      status: 201,
      effects: { ChargeAdjusted: 1 },
    }
  },
  'PUT /admin/stop': async (world) => {
    await world.test.request('PUT /admin/stop', { ...platform(world), body: { stopped: true } })
    return {
      // What is stopped would stop the rows below.
      wish: { ...platform(world), line: 'PUT /admin/stop', body: { stopped: false } },
      other: { body: { stopped: true } },
      status: 200,
      effects: { CallsResumed: 1 },
    }
  },
  'POST /admin/plans': async (world) => {
    await aPlan(world)
    const body = planBody(fresh(world))
    return publishing(world, 'POST /admin/plans', body, { PlanPublished: 1 })
  },
  'POST /admin/plans/{id}/retire': async (world) =>
    retiring(world, '/admin/plans', await aPlan(world), { PlanRetired: 1 }),
  'POST /admin/price-lists': (world) =>
    publishing(world, 'POST /admin/price-lists', priceList(fresh(world)), {
      PriceListPublished: 1,
    }),
  'POST /admin/models': (world) =>
    publishing(world, 'POST /admin/models', modelBody(fresh(world)), { ModelPublished: 1 }),
  'POST /admin/models/{id}/retire': async (world) => {
    const make = () => published(world, '/admin/models', modelBody(fresh(world)))
    return retiring(world, '/admin/models', await make(), { ModelRetired: 1 })
  },
}

const platform = ({ administrator }: World) => ({ token: administrator.token })

const publishing = (
  world: World,
  line: string,
  body: Record<string, unknown> & { readonly name: string },
  effects: Mutation['effects'],
): Mutation => ({
  wish: { ...platform(world), line, body },
  other: { body: { ...body, name: `${body.name}-2` } },
  status: 201,
  effects,
})

const retiring = (
  world: World,
  path: string,
  id: string,
  effects: Mutation['effects'],
): Mutation => ({
  wish: { ...platform(world), line: `POST ${path}/${id}/retire` },
  why: ANOTHER_TARGET,
  status: 204,
  effects,
})

export const sharedRows: Rows = {
  ...organizationRows,
  ...billingRows,
  ...adminRows,
  ...policyAndKeyRows,
  ...pageRows,
  ...telegramRows,
  ...paddleRows,
  // No bot listens here: its own tests are test/api/telegram-webhook/ and test/workers/telegram/.
  'POST /webhooks/telegram': () => ({
    wish: { line: 'POST /webhooks/telegram', body: { update_id: 1 } },
    why: 'the number of the update and of its message are its key',
    mayDiffer: ['request_id'],
    status: 404,
    effects: {},
  }),
}
