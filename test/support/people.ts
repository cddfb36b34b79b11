/**
 * People as they come to Daybook: by the front door. Also what an operator of the machine would do, and
 * the links of mails, which only the machine can read.
 */
import { randomUUID } from 'node:crypto'
import type { Root } from '../../src/commands/context.ts'
import { mailToken } from '../../src/commands/mail/mail-token.ts'
import { findUserByEmail } from '../../src/commands/user/find-user.ts'
import type { MailKind } from '../../src/domain/mail/events.ts'
import { listMails } from '../../src/projections/mails.ts'
import type { TestApp } from './app.ts'

export const PASSWORD = 'correct mule battery staple'

export interface Person {
  readonly email: string
  readonly userId: string
  readonly orgId: string
  readonly token: string
  readonly refreshToken: string
  readonly sessionId: string
}

export interface TokenAnswer {
  readonly access_token: string
  readonly refresh_token: string
  readonly expires_in: number
  readonly user: { readonly id: string; readonly personal_organization_id: string }
}

export const freshEmail = (): string => `${randomUUID().slice(0, 8)}@example.com`

export async function register(app: TestApp, email = freshEmail()): Promise<string> {
  const reply = await app.request('POST /auth/register', { body: { email, password: PASSWORD } })
  if (reply.status !== 202) throw new Error(reply.text)
  return email
}

export async function signIn(app: TestApp, email: string, password = PASSWORD): Promise<Person> {
  const reply = await app.request<TokenAnswer>('POST /auth/login', { body: { email, password } })
  if (reply.status !== 200) throw new Error(reply.text)
  const { access_token: token, refresh_token: refreshToken, user } = reply.body
  const claims = await app.app.deps.tokens.verifyAccess(token, app.clock.now())
  return {
    email,
    userId: user.id,
    orgId: user.personal_organization_id,
    token,
    refreshToken,
    sessionId: claims?.sessionId ?? '',
  }
}

/** Registered and signed in. */
export const newPerson = async (app: TestApp, email?: string): Promise<Person> =>
  signIn(app, await register(app, email))

/** What somebody at the command line of the machine asks for. */
export function operatorRoot(app: TestApp): Root {
  const id = randomUUID()
  const at = app.clock.now().toISOString()
  return { id, actor: { kind: 'operator' }, at, correlationId: id, causationId: id }
}

/** Waits for what follows from events without anybody waiting for it. */
export async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + 5_000
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error('it did not happen within 5 s')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** The token of the latest open mail of this kind to the person. */
export function mailedToken(app: TestApp, email: string, kind: MailKind): Promise<string> {
  return eventually(async () => {
    const person = await findUserByEmail(app.app.deps, email)
    const { items } = await listMails(app.app.deps.views, { limit: 100, descending: true })
    const found = items.find((mail) => mail.kind === kind && mail.subjectId === person?.userId)
    return found && mailToken(app.app.deps, found.mailId)
  })
}

/** The address of somebody who has got the link of their sign-up, and has not followed it. */
export async function unverified(app: TestApp): Promise<string> {
  const email = await register(app)
  await mailedToken(app, email, 'verify_email')
  return email
}

/** Types of all events of a stream, in order. */
export const typesOf = async (app: TestApp, stream: string): Promise<string[]> =>
  (await app.app.engine.events.readStream(stream)).map((event) => event.type)

/**
 * Every event of the log, but for the start of the test's application, for what was refused, and for mails
 * that were sent, which happens whenever it does.
 */
export const wholeLog = async (app: TestApp) => {
  const events = await app.app.engine.events.readAll({ after: -1n, limit: 10_000 })
  return events.filter(
    ({ stream, type }) => type !== 'MailSent' && !/^(policySet-platform$|denial-)/.test(stream),
  )
}
