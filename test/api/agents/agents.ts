/** What the tests of agents send, and who sends it. */
import type { Reply, RequestOptions, TestApp } from '../../support/app.ts'
import { type SignedIn, signIn, signInMember } from '../../support/seed.ts'

export const version = {
  system_prompt: 'Answer in {{language}}.',
  prompt_template: 'Question: {{input}}',
  variables: [{ name: 'language', max_length: 20 }],
}
export const translator = { slug: 'translator', name: 'Translator', version }

export interface Body {
  readonly id: string
  readonly slug: string
  readonly name: string
  readonly active: boolean
  readonly owner: string
  readonly labels: Readonly<Record<string, number>>
  readonly latest_version: number | null
  readonly production: Readonly<Record<string, unknown>> | null
}
export interface ProblemReply {
  readonly code: string
  readonly facts?: Readonly<Record<string, unknown>>
  readonly errors?: readonly { readonly path: string }[]
}

export interface People {
  /** Of the organization under test. */
  readonly owner: SignedIn
  readonly admin: SignedIn
  readonly member: SignedIn
  readonly auditor: SignedIn
  /** Owner of another organization. */
  readonly stranger: SignedIn
  readonly administrator: SignedIn
  readonly orgId: string
}

export async function people(test: TestApp): Promise<People> {
  const owner = await signIn(test)
  const { orgId } = owner
  return {
    owner,
    orgId,
    admin: await signInMember(test, orgId, 'admin'),
    member: await signInMember(test, orgId, 'member'),
    auditor: await signInMember(test, orgId, 'auditor'),
    stranger: await signIn(test),
    administrator: await signIn(test, { administrator: true }),
  }
}

/** A request by somebody, in the organization under test unless it is said otherwise. */
export const asker =
  (test: TestApp, org: string) =>
  <T = Body>(who: SignedIn, line: string, options: RequestOptions = {}): Promise<Reply<T>> =>
    test.request<T>(line, { token: who.token, org, ...options })

/** An agent of the organization under test with one version. */
export async function anAgent(
  test: TestApp,
  whose: SignedIn | Pick<People, 'owner' | 'orgId'>,
  change: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const slug = `agent-${test.app.deps.ids.random().slice(0, 8)}`
  const body = { ...translator, slug, ...change }
  const owner = 'owner' in whose ? whose.owner : whose
  const reply = await asker(test, whose.orgId)(owner, 'POST /agents', { body })
  if (reply.status !== 201) throw new Error(reply.text)
  return reply.body.id
}
