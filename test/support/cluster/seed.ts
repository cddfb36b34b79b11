/**
 * What a load needs: organizations with credit and agents, people who sign in, an administrator. Made by
 * the application's own commands on the cluster's servers, and through the front door.
 */
import type { App } from '../../../src/app.ts'
import type { TestApp } from '../app.ts'
import { fund, publishAgent, version } from '../funded.ts'
import { takeLimitsAway } from '../limits.ts'
import { signIn } from '../seed.ts'
import { publishTerms } from '../test-terms.ts'
import { tryOnce } from './asking.ts'

export interface Tenant {
  readonly orgId: string
  readonly userId: string
  readonly sessionId: string
  readonly token: string
  readonly agentId: string
  /** Ends as its caller wishes: `cancel_free`. */
  readonly cancelableId: string
}

export interface Somebody {
  readonly email: string
  refreshToken: string
}

export interface Seeded {
  readonly tenants: readonly Tenant[]
  readonly people: readonly Somebody[]
  readonly administrator: { readonly token: string }
}

export const SYSTEM_PROMPT = 'Zebra-9120: be brief.'
export const PASSWORD = 'heron lantern 5527 ink'
/** 100 USD: nobody runs out of it. */
const CREDIT_NANOS = 100_000_000_000n
const TENANTS = 3
const PEOPLE = 2

export async function seed(app: App, api: { name: string; url: string }): Promise<Seeded> {
  // What makes people and agents looks at the application and its clock, at nothing else.
  const test = { app, clock: app.deps.clock } as unknown as TestApp
  await takeLimitsAway(app.deps)
  await publishTerms(test)
  const tenants = await Promise.all(Array.from({ length: TENANTS }, () => tenant(test)))
  const administrator = await signIn(test, { administrator: true })
  const people = await Promise.all(Array.from({ length: PEOPLE }, (_, n) => somebody(api, n)))
  return { tenants, people, administrator }
}

async function tenant(test: TestApp): Promise<Tenant> {
  const agent = { systemPrompt: SYSTEM_PROMPT }
  // Quick to load in each new process.
  const models = [{ name: 'test-model', encoding: 'bytes' as const }]
  const funded = await fund(test, { creditNanos: CREDIT_NANOS, agent, models })
  const free = version({ ...agent, abortPolicy: 'cancel_free' })
  const cancelableId = await publishAgent(test, funded.orgId, free)
  return { ...funded, cancelableId }
}

async function somebody(api: { name: string; url: string }, n: number): Promise<Somebody> {
  const body = { email: `cluster-${n}@example.com`, password: PASSWORD }
  const registered = await tryOnce(api, { line: 'POST /auth/register', body })
  const signedIn = await tryOnce(api, { line: 'POST /auth/login', body })
  if (registered.status !== 202 || signedIn.status !== 200)
    throw new Error(`nobody came: ${registered.text} ${signedIn.text}`)
  const { refresh_token: refreshToken } = JSON.parse(signedIn.text) as { refresh_token: string }
  return { email: body.email, refreshToken }
}
