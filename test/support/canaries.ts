/**
 * A person who leaves a unique text in every field that is theirs, wherever one can be left: by good
 * requests and by refused ones. None of the texts may be found in clear in any file or log line.
 */
import { randomBytes } from 'node:crypto'
import type { TestApp } from './app.ts'
import { grant } from './funded.ts'
import { mailedToken } from './people.ts'
import { publishTerms } from './test-terms.ts'

export interface Canaries {
  /** By where it was left. */
  readonly texts: Readonly<Record<string, string>>
  readonly userId: string
  readonly orgId: string
  readonly teamId: string
  readonly agentId: string
  readonly invocationIds: readonly string[]
  readonly token: string
  /** In the clear by design: what a search must find. */
  readonly slug: string
}

const canary = (name: string): string => `${name}-${randomBytes(8).toString('hex')}`

interface Ids {
  readonly id: string
  readonly invocation_id: string
  readonly key: string
  readonly access_token: string
  readonly refresh_token: string
  readonly user: { readonly id: string; readonly personal_organization_id: string }
}

export async function leaveCanaries(test: TestApp): Promise<Canaries> {
  await publishTerms(test)
  const texts = {
    email: `${canary('first')}@example.com`,
    newEmail: `${canary('second')}@example.com`,
    guest: `${canary('guest')}@example.com`,
    password: canary('password'),
    newPassword: canary('other-password'),
    wrongPassword: canary('wrong-password'),
    device: canary('device'),
    team: canary('team'),
    systemPrompt: canary('system'),
    template: canary('template'),
    input: canary('input'),
    variable: canary('variable'),
    endUser: canary('end-user'),
    output: canary('output'),
    refused: canary('refused'),
  }
  const must = async (status: number, line: string, options: Parameters<TestApp['request']>[1]) => {
    const reply = await test.request<Ids>(line, options)
    if (reply.status !== status) throw new Error(`${line}: ${reply.text}`)
    return reply.body
  }
  const { email, password } = texts
  const headers = { 'user-agent': texts.device }
  await must(202, 'POST /auth/register', { body: { email, password }, headers })
  const verify = await mailedToken(test, email, 'verify_email')
  await must(204, 'POST /auth/verify-email', { body: { token: verify } })
  const signedIn = await must(200, 'POST /auth/login', { body: { email, password }, headers })
  const { access_token: token, user } = signedIn
  const refresh = { refresh_token: signedIn.refresh_token }
  const refreshed = await must(200, 'POST /auth/refresh', { body: refresh, headers })
  const orgId = user.personal_organization_id
  const own = { token, org: orgId, headers }
  const change = { email: texts.newEmail, password: texts.newPassword, current_password: password }
  await must(200, 'PATCH /me', { ...own, body: change })
  const { id: teamId } = await must(201, 'POST /organizations', {
    ...own,
    body: { name: texts.team },
  })
  const guest = { email: texts.guest, role: 'member' }
  await must(201, `POST /organizations/${teamId}/invitations`, { ...own, body: guest })
  const slug = canary('slug')
  const { id: agentId } = await must(201, 'POST /agents', {
    ...own,
    body: {
      slug,
      name: 'An agent',
      version: {
        system_prompt: texts.systemPrompt,
        prompt_template: `${texts.template} {{word}} {{input}}`,
        model_name: 'test-model',
        variables: [{ name: 'word' }],
      },
    },
  })
  await grant(test, orgId, 1_000_000_000n)
  const body = { input: texts.input, variables: { word: texts.variable }, user: texts.endUser }
  const invocationIds: string[] = []
  test.upstream.otherwise({ text: [texts.output] })
  for (const key of ['canary-1', 'canary-2'])
    invocationIds.push(
      (await must(200, `POST /agents/${agentId}/invoke`, { ...own, key, body })).invocation_id,
    )
  const key = await must(201, 'POST /api-keys', { ...own, body: { name: 'K', scopes: ['invoke'] } })
  const rotated = await must(200, `POST /api-keys/${key.id}/rotate`, { ...own, body: {} })
  for (const one of [key.key, rotated.key])
    await must(200, `POST /agents/${agentId}/invoke`, { token: one, headers, body })
  await failWithCanaries(test, { token, orgId, agentId, texts })
  await test.settled()
  const tokens = { token, verify, refresh: signedIn.refresh_token, next: refreshed.refresh_token }
  return {
    texts: { ...texts, ...tokens, apiKey: secretIn(key.key), rotatedKey: secretIn(rotated.key) },
    userId: user.id,
    orgId,
    teamId,
    agentId,
    invocationIds,
    token,
    slug,
  }
}

/** The id of a key is no secret, and stands beside it. */
const secretIn = (key: string): string => key.split('_')[2] ?? ''

/** What is refused must not be repeated in a log either, nor what a provider says. */
async function failWithCanaries(
  test: TestApp,
  {
    token,
    orgId,
    agentId,
    texts,
  }: { token: string; orgId: string; agentId: string; texts: Readonly<Record<string, string>> },
): Promise<void> {
  const { refused = '', newEmail = '', wrongPassword = '' } = texts
  const own = { token, org: orgId }
  const invoke = `POST /agents/${agentId}/invoke`
  test.upstream.next(
    { status: 400, error: { code: 'invalid_prompt', message: `cannot do ${refused}` } },
    { ending: 'cut', after: 1, text: [refused, 'more'] },
  )
  const body = { input: refused, variables: { word: refused } }
  const replies = [
    await test.request(invoke, { ...own, body }),
    await test.request(invoke, { ...own, body }),
    await test.request(invoke, { ...own, body: { ...body, [refused]: refused } }),
    await test.request('POST /auth/login', { body: { email: newEmail, password: wrongPassword } }),
    await test.request('POST /auth/login', { body: { email: refused, password: wrongPassword } }),
    await test.request('POST /auth/register', {
      body: { email: newEmail, password: 'short', [refused]: 1 },
    }),
    await test.request(`GET /organizations/${refused}`, own),
    await test.request(`GET /agents?cursor=${refused}`, own),
    await test.request('GET /me', { token: `${token}.${refused}` }),
    await test.request(`GET /nowhere/${refused}?email=${refused}`, own),
  ]
  const unexpected = replies.filter(({ status }) => status < 400 || status === 500)
  if (unexpected.length > 0) throw new Error(unexpected.map(({ text }) => text).join('\n'))
}
