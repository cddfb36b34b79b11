/**
 * One request for every route that changes something: who asks for what, another wish under the same
 * key, and the events that the first must leave, once. Each row has people and things of its own.
 */
import type { TestApp } from './app.ts'
import { type Funded, publishAgent, version } from './funded.ts'
import { freshEmail, mailedToken, newPerson, PASSWORD, register, unverified } from './people.ts'
import { type SignedIn, signIn } from './seed.ts'

export interface Wish {
  /** `POST /agents/agt_…/versions` */
  readonly line: string
  readonly token?: string
  readonly org?: string
  readonly body?: unknown
  /** Of a page. */
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

export interface Mutation {
  readonly wish: Wish
  /** Another wish with the same key is refused. undefined: see `why`. */
  readonly other?: Partial<Wish>
  readonly status: number
  /** Events of the wish, UsageRecorded aside. */
  readonly effects: Readonly<Record<string, number>>
  /** Of these events those that a worker may find no longer needed. */
  readonly mayLack?: readonly string[]
  /** What of the answer may differ: it says so in the design. */
  readonly mayDiffer?: readonly string[]
  /** Answers that repeats may also get, and why. */
  readonly alsoAnswers?: readonly number[]
  readonly why?: string
}

export interface World {
  readonly test: TestApp
  readonly owner: Funded
  readonly administrator: SignedIn
}

/** A key is looked for in the stream that is to change, and another target is another stream. */
export const ANOTHER_TARGET = 'another target is another wish'

/** The route, as its declaration names it, to its row. */
export type Rows = Readonly<Record<string, (world: World) => Promise<Mutation> | Mutation>>

export const own = ({ owner }: World) => ({ token: owner.token, org: owner.orgId })

const authRows: Rows = {
  'POST /auth/register': () => {
    const body = { email: freshEmail(), password: PASSWORD }
    const effects = {
      EmailClaimed: 1,
      UserRegistered: 1,
      OrganizationCreated: 1,
      BillingAccountOpened: 1,
      MailRequested: 1,
    }
    const other = { body: { ...body, locale: 'ru' } }
    return { wish: { line: 'POST /auth/register', body }, other, status: 202, effects }
  },
  'POST /auth/verify-email': async ({ test }) => {
    const token = await mailedToken(test, await register(test), 'verify_email')
    return {
      wish: { line: 'POST /auth/verify-email', body: { token } },
      status: 204,
      effects: { EmailVerified: 1 },
      why: 'another token is another stranger',
    }
  },
  'POST /auth/login': async ({ test }) => {
    const body = { email: await register(test), password: PASSWORD }
    return {
      wish: { line: 'POST /auth/login', body },
      other: { body: { ...body, refresh_cookie: true } },
      status: 200,
      effects: { SessionStarted: 1 },
      mayDiffer: ['access_token'],
    }
  },
  'POST /auth/refresh': async ({ test }) => {
    const { refreshToken } = await newPerson(test)
    return {
      wish: { line: 'POST /auth/refresh', body: { refresh_token: refreshToken } },
      status: 200,
      effects: { SessionRefreshed: 1 },
      mayDiffer: ['access_token'],
      why: 'the token finds its repeats; a key must not shield a copied one',
    }
  },
  'POST /auth/logout': async ({ test }) => ({
    wish: { line: 'POST /auth/logout', token: (await signIn(test)).token },
    status: 204,
    effects: { SessionRevoked: 1 },
    alsoAnswers: [401],
    why: 'nobody is signed in any more',
  }),
  'POST /auth/verify-email/resend': async ({ test }) => ({
    wish: { line: 'POST /auth/verify-email/resend', body: { email: await unverified(test) } },
    status: 202,
    effects: { MailRequested: 1 },
    why: 'another address is another stranger',
  }),
  'POST /auth/password/forgot': async ({ test }) => ({
    wish: { line: 'POST /auth/password/forgot', body: { email: await register(test) } },
    status: 202,
    effects: { MailRequested: 1 },
    why: 'another address is another stranger',
  }),
  'POST /auth/password/reset': async ({ test }) => {
    const email = await register(test)
    await test.request('POST /auth/password/forgot', { body: { email } })
    const token = await mailedToken(test, email, 'reset_password')
    const body = { token, password: 'another mule battery 71' }
    return {
      wish: { line: 'POST /auth/password/reset', body },
      other: { body: { ...body, password: 'a third mule battery 72' } },
      status: 204,
      // The mail shows whose the address is.
      effects: { PasswordChanged: 1, EmailVerified: 1, MailRequested: 1 },
    }
  },
  'PATCH /me': async ({ test }) => {
    const person = await newPerson(test)
    const body = { locale: 'ru' }
    return {
      wish: { line: 'PATCH /me', token: person.token, body },
      other: { body: { locale: 'en' } },
      status: 200,
      effects: { LocaleChanged: 1 },
    }
  },
  'DELETE /me/sessions/{id}': async ({ test }) => {
    const { email, token } = await newPerson(test)
    const { body } = await test.request('POST /auth/login', { body: { email, password: PASSWORD } })
    const { tokens } = test.app.deps
    const claims = await tokens.verifyAccess(String(body['access_token']), test.clock.now())
    return {
      wish: { line: `DELETE /me/sessions/${claims?.sessionId}`, token },
      why: ANOTHER_TARGET,
      status: 204,
      effects: { SessionRevoked: 1 },
    }
  },
}

const prompt = { system_prompt: 'Be brief.', prompt_template: '{{input}}' }

const agentRows: Rows = {
  'POST /agents': (world) => {
    const body = { slug: `row-${world.test.app.deps.ids.random().slice(0, 8)}`, name: 'Row' }
    return {
      wish: { ...own(world), line: 'POST /agents', body: { ...body, version: prompt } },
      other: { body: { ...body, name: 'Another', version: prompt } },
      status: 201,
      effects: { SlugClaimed: 1, AgentCreated: 1, AgentVersionPublished: 1, AgentLabelMoved: 1 },
    }
  },
  'PATCH /agents/{agent_id}': (world) => ({
    wish: { ...own(world), line: `PATCH /agents/${world.owner.agentId}`, body: { name: 'New' } },
    other: { body: { name: 'Newer' } },
    status: 200,
    effects: { AgentRenamed: 1 },
  }),
  'POST /agents/{agent_id}/versions': (world) => ({
    wish: { ...own(world), line: `POST /agents/${world.owner.agentId}/versions`, body: prompt },
    other: { body: { ...prompt, system_prompt: 'Be long.' } },
    status: 201,
    effects: { AgentVersionPublished: 1 },
  }),
  'PUT /agents/{agent_id}/labels/{label}': (world) => ({
    wish: {
      ...own(world),
      line: `PUT /agents/${world.owner.agentId}/labels/canary`,
      body: { version: 1 },
    },
    other: { body: { version: 2 } },
    status: 200,
    effects: { AgentLabelMoved: 1 },
  }),
  'POST /agents/{agent_id}/render': (world) => ({
    wish: {
      ...own(world),
      line: `POST /agents/${world.owner.agentId}/render`,
      body: { input: 'Hello' },
    },
    status: 200,
    effects: {},
    why: 'it writes nothing, so there is nothing to repeat',
  }),
  'POST /policies/check': (world) => ({
    // Refused whatever policies there are by then.
    wish: {
      ...own(world),
      line: 'POST /policies/check',
      body: { action: 'invoke', role: 'auditor' },
    },
    status: 200,
    effects: {},
    why: 'it writes nothing, so there is nothing to repeat',
  }),
  'POST /admin/policies/check': ({ owner, administrator }) => ({
    wish: {
      token: administrator.token,
      line: 'POST /admin/policies/check',
      body: { organization_id: owner.orgId, action: 'invoke', role: 'auditor' },
    },
    status: 200,
    effects: {},
    why: 'it writes nothing, so there is nothing to repeat',
  }),
  'POST /agents/{agent_id}/invoke': (world) => ({
    wish: {
      ...own(world),
      line: `POST /agents/${world.owner.agentId}/invoke`,
      body: { input: 'Hello' },
    },
    other: { body: { input: 'Hello again' } },
    status: 200,
    effects: {
      HoldPlaced: 1,
      InvocationAccepted: 1,
      InvocationStarted: 1,
      InvocationCompleted: 1,
      HoldSettled: 1,
    },
  }),
  'POST /v1/chat/completions': (world) => {
    const body = {
      model: world.owner.agentId,
      messages: [{ role: 'user', content: 'Hello' }],
    }
    return {
      wish: { ...own(world), line: 'POST /v1/chat/completions', body },
      other: { body: { ...body, user: 'somebody else' } },
      status: 200,
      effects: {
        HoldPlaced: 1,
        InvocationAccepted: 1,
        InvocationStarted: 1,
        InvocationCompleted: 1,
        HoldSettled: 1,
      },
    }
  },
  'POST /invocations/{id}/cancel': async (world) => {
    const agentId = await publishAgent(
      world.test,
      world.owner.orgId,
      version({ abortPolicy: 'cancel_free' }),
    )
    return {
      wish: { ...own(world), line: `POST /invocations/${await stalled(world, agentId)}/cancel` },
      status: 202,
      effects: { InvocationCancelRequested: 1, InvocationCanceled: 1, HoldSettled: 1 },
      alsoAnswers: [200],
      why: 'it says how far the call has come: canceling, then canceled',
    }
  },
}

/** A call that the provider never finishes. */
async function stalled({ test, owner }: World, agentId: string): Promise<string> {
  const before = test.upstream.requests.length
  test.upstream.next({ after: 1, ending: 'stall' })
  const { body } = await test.request<{ invocation_id: string }>(`POST /agents/${agentId}/invoke`, {
    token: owner.token,
    org: owner.orgId,
    body: { input: 'Hello' },
    headers: { prefer: 'respond-async' },
  })
  await test.upstream.arrived(before + 1)
  return body.invocation_id
}

export const ownRows: Rows = { ...authRows, ...agentRows }
