/** An organization with a history, and everybody who may or may not read it. */
import type { ShownEvent } from '../../../src/commands/audit/shown-event.ts'
import type { Reply, RequestOptions, TestApp } from '../../support/app.ts'
import { fund, type Funded, invoke, version } from '../../support/funded.ts'
import { type SignedIn, signIn, signInMember } from '../../support/seed.ts'

export interface History {
  readonly owner: Funded
  readonly admin: SignedIn
  readonly auditor: SignedIn
  readonly member: SignedIn
  readonly stranger: Funded
  readonly administrator: SignedIn
  readonly invocationId: string
  /** X-Request-Id of the call. */
  readonly requestId: string
}

export const PROMPT = 'canary-prompt-7f1c'
export const END_USER = 'canary-end-user-52ae'
export const GUEST = 'canary-guest-91d0@example.test'

export interface Listed {
  readonly items: readonly ShownEvent[]
  readonly next_cursor: string | null
}

export async function makeHistory(app: TestApp): Promise<History> {
  const owner = await fund(app, { agent: version({ systemPrompt: PROMPT }) })
  const requestId = `request-${app.app.deps.ids.random()}`
  const called = await invoke(
    app,
    owner,
    { user: END_USER },
    {
      headers: { 'x-request-id': requestId },
    },
  )
  if (called.status !== 200) throw new Error(called.text)
  const [admin, auditor, member] = await Promise.all(
    (['admin', 'auditor', 'member'] as const).map((role) => signInMember(app, owner.orgId, role)),
  )
  if (!admin || !auditor || !member) throw new Error('nobody')
  const invited = await app.request(`POST /organizations/${owner.orgId}/invitations`, {
    token: owner.token,
    body: { email: GUEST, role: 'member' },
  })
  if (invited.status !== 201) throw new Error(invited.text)
  const stranger = await fund(app)
  await invoke(app, stranger)
  const administrator = await signIn(app, { administrator: true })
  await app.settled()
  const { invocation_id: invocationId } = called.body
  return { owner, admin, auditor, member, stranger, administrator, invocationId, requestId }
}

/** A key of the organization, with these scopes. */
export async function newKey(
  app: TestApp,
  { token, orgId }: SignedIn,
  scopes: readonly string[],
): Promise<string> {
  const body = { name: 'Audit', scopes }
  const made = await app.request('POST /api-keys', { token, org: orgId, body })
  if (made.status !== 201) throw new Error(made.text)
  return String(made.body['key'])
}

/** Everything that matches, page by page. */
export async function allPages(
  app: TestApp,
  line: string,
  options: RequestOptions,
): Promise<ShownEvent[]> {
  const all: ShownEvent[] = []
  for (let cursor: string | null | undefined; cursor !== null;) {
    const more = cursor === undefined ? '' : `&cursor=${cursor}`
    const page: Reply<Listed> = await app.request<Listed>(`${line}${more}`, options)
    if (page.status !== 200) throw new Error(page.text)
    all.push(...page.body.items)
    cursor = page.body.next_cursor
  }
  return all
}
