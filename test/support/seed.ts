/**
 * People, organizations and models for tests, made by the application's own commands and deciders
 * without a password to hash: `signIn` answers somebody who has a token. Everything is random, so tests
 * do not meet.
 */
import { claimForRegistration } from '../../src/commands/user/claim-email.ts'
import { finishClaim } from '../../src/commands/user/finish-claim.ts'
import { type Root, newId, step } from '../../src/commands/context.ts'
import type { Deps } from '../../src/commands/deps.ts'
import { modelIdOf } from '../../src/commands/model/model-id.ts'
import type { ModelInput } from '../../src/domain/model/events.ts'
import { model } from '../../src/domain/model/model.ts'
import type { OrganizationRole } from '../../src/domain/organization/events.ts'
import { organization } from '../../src/domain/organization/organization.ts'
import { session } from '../../src/domain/session/session.ts'
import type { TestApp } from './app.ts'

export interface SignedIn {
  readonly userId: string
  /** The personal organization, of which this person is the owner. */
  readonly orgId: string
  readonly sessionId: string
  readonly token: string
}

/** The wish of an operator, as if from the command line. */
export function operatorRoot({ ids, clock }: Pick<Deps, 'ids' | 'clock'>): Root {
  const id = ids.random()
  const at = clock.now().toISOString()
  return { id, actor: { kind: 'operator' }, at, correlationId: id, causationId: id }
}

export async function signIn(
  test: TestApp,
  { locale = 'en', administrator = false }: { locale?: string; administrator?: boolean } = {},
): Promise<SignedIn> {
  const { deps } = test.app
  const root = operatorRoot(deps)
  const { emailHmac } = await claimForRegistration(deps, root, {
    email: `${root.id}@example.test`,
    passwordHash: 'never verified by a test',
    locale,
    verified: true,
    ...(administrator ? { platformRoles: ['administrator'] as const } : {}),
  })
  const { user } = await finishClaim(deps, emailHmac)
  if (!user) throw new Error('nobody was registered')
  const { userId, personalOrgId: orgId } = user
  const sessionId = newId(deps.ids, root, 'session')
  const start = {
    type: 'StartSession',
    sessionId,
    userId,
    method: 'password',
    at: root.at,
  } as const
  await deps.streams.transact(session, sessionId, start, step(deps.ids, root, 'session'))
  const issuedAt = Math.floor(deps.clock.now().getTime() / 1_000)
  const claims = { userId, sessionId, issuedAt, expiresAt: issuedAt + 3_600 }
  return { userId, orgId, sessionId, token: await deps.tokens.signAccess(claims) }
}

/** Somebody new with this role in the organization; pass `org` with their requests. */
export async function signInMember(
  test: TestApp,
  orgId: string,
  role: OrganizationRole,
  options: { locale?: string } = {},
): Promise<SignedIn> {
  const person = await signIn(test, options)
  await addMember(test, orgId, person.userId, role)
  return person
}

/** Somebody who is there already. */
export async function addMember(
  { app: { deps } }: TestApp,
  orgId: string,
  userId: string,
  role: OrganizationRole = 'member',
): Promise<void> {
  const root = operatorRoot(deps)
  const add = { type: 'AddMember', userId, role, at: root.at } as const
  await deps.streams.transact(organization, orgId, add, step(deps.ids, root, 'member'))
}

/** A model that calls may go to. */
export async function publishModel(
  { app: { deps } }: TestApp,
  change: Partial<ModelInput> & { readonly name: string },
): Promise<string> {
  const root = operatorRoot(deps)
  const modelId = modelIdOf(deps.ids, change.name)
  const terms: ModelInput = {
    provider: 'openai',
    contextSize: 128_000,
    maxOutput: 16_000,
    encoding: 'o200k_base',
    parameters: { maxTokens: 'max_completion_tokens', temperature: true },
    framing: { perMessage: 4, perRequest: 3 },
    ...change,
  }
  const command = { type: 'PublishModel', modelId, at: root.at, ...terms } as const
  await deps.streams.transact(model, modelId, command, step(deps.ids, root, 'model'))
  return modelId
}
