/** The signed-in person: what we know of them, what they change, and where they are signed in. */
import { z } from 'zod'
import type { Deps } from '../commands/deps.ts'
import { endSession } from '../commands/session/sign-out.ts'
import { changeProfile } from '../commands/user/change-profile.ts'
import { idSchema } from '../domain/ids.ts'
import { Refusal } from '../domain/refusal.ts'
import { emailText } from '../domain/user/email.ts'
import { user } from '../domain/user/user.ts'
import { locales } from '../messages/index.ts'
import { openText } from '../projections/open.ts'
import { type ListedSession, sessionsOf } from '../projections/sessions-by-user.ts'
import { signedIn } from './actor.ts'
import { passwordText } from './auth.ts'
import { Problem } from './errors.ts'
import { type AnyRoute, type Answer, route } from './route.ts'
import { timeSchema } from './schemas.ts'
import { userOf, userSchema } from './user-schema.ts'

const profileChange = z
  .strictObject({
    email: z.exactOptional(emailText),
    locale: z.exactOptional(z.enum(locales)),
    password: z.exactOptional(passwordText),
    current_password: z.exactOptional(passwordText).meta({
      description:
        'Needed to change the address or the password; who has no password needs a sign-in of the last ' +
        'ten minutes.',
    }),
  })
  .refine((body) => body.email ?? body.locale ?? body.password, 'nothing to change')

const sessionSchema = z
  .strictObject({
    id: idSchema('session'),
    current: z.boolean(),
    method: z.enum(['password', 'telegram']),
    user_agent: z.nullable(z.string()),
    address: z.nullable(z.string()),
    created_at: timeSchema,
    last_used_at: timeSchema.meta({ description: 'Of the last refresh.' }),
    expires_at: timeSchema.meta({ description: 'Without another refresh.' }),
  })
  .meta({ id: 'Session' })

const self = (action: string) =>
  ({ actor: 'user', resource: 'me', action, limits: ['request'] }) as const

export function meRoutes(deps: Deps): AnyRoute[] {
  return [
    route({
      method: 'GET',
      path: '/me',
      tag: 'me',
      summary: 'Who I am',
      access: self('read'),
      answers: { 200: { description: 'The signed-in person', schema: userSchema } },
      handler: ({ actor }) => me(deps, signedIn(actor)),
    }),
    route({
      method: 'PATCH',
      path: '/me',
      tag: 'me',
      summary: 'Change my address, password or language',
      description:
        'Several at once are carried out in this order, after all have been checked. Another password ' +
        'ends all other sessions; another address is to be verified anew.',
      // It takes a password, so whoever has a stolen session must not try passwords here either.
      access: { ...self('change'), limits: ['request', 'login'] },
      body: profileChange,
      answers: { 200: { description: 'The person as they are now', schema: userSchema } },
      problems: [
        'current_password_wrong',
        'sign_in_again',
        'password_unacceptable',
        'email_taken',
        'email_unchanged',
        'too_many_hashes',
        'precondition_failed',
      ],
      async handler({ actor, body, root, ifRevision }) {
        const { userId, sessionId } = signedIn(actor)
        const { current_password: currentPassword, ...change } = body
        if ((change.email ?? change.password) !== undefined && currentPassword === undefined)
          await assertNoPassword(deps, userId)
        const { position } = await changeProfile(
          deps,
          root,
          {
            userId,
            sessionId,
            ...change,
            ...(currentPassword !== undefined && { currentPassword }),
          },
          ifRevision,
        )
        return { ...(await me(deps, { userId })), position }
      },
    }),
    ...sessions(deps),
  ]
}

/** A field that is missing is no wrong password. */
async function assertNoPassword({ streams }: Deps, userId: string): Promise<void> {
  const { state } = await streams.load(user, userId)
  if (state?.passwordHash === undefined) return
  const message = 'is needed to change the address or the password'
  throw new Problem('invalid_input', {}, [{ path: 'body.current_password', message }])
}

async function me(deps: Deps, { userId }: { userId: string }): Promise<Answer> {
  const { state, revision } = await deps.streams.load(user, userId)
  if (!state) throw new Refusal('unauthenticated')
  return { body: userOf(state), revision }
}

function sessions(deps: Deps): AnyRoute[] {
  const params = z.strictObject({ id: z.string().max(64) })
  return [
    route({
      method: 'GET',
      path: '/me/sessions',
      tag: 'me',
      summary: 'Where I am signed in, newest first',
      access: self('read'),
      reads: true,
      answers: {
        200: {
          description: 'All live sessions',
          schema: z.strictObject({ items: z.array(sessionSchema) }),
        },
      },
      async handler({ actor }) {
        const { userId, sessionId } = signedIn(actor)
        const live = await sessionsOf(deps.views, userId, deps.clock.now().toISOString())
        const items = await Promise.all(live.map((one) => sessionOf(deps, one, sessionId)))
        return { body: { items } }
      },
    }),
    route({
      method: 'DELETE',
      path: '/me/sessions/{id}',
      tag: 'me',
      summary: 'End one of my sessions',
      access: self('change'),
      params,
      answers: { 204: { description: 'Ended' } },
      problems: ['session_not_found'],
      async handler({ actor, params: { id }, root }) {
        const { userId } = signedIn(actor)
        const { position } = await endSession(deps, root, { userId, sessionId: id })
        return { status: 204, position }
      },
    }),
  ]
}

const sessionOf = async (
  { sealer }: Deps,
  one: ListedSession,
  current: string,
): Promise<z.output<typeof sessionSchema>> => ({
  id: one.sessionId,
  current: one.sessionId === current,
  method: one.method,
  user_agent: await openText(sealer, one.userAgent),
  address: await openText(sealer, one.address),
  created_at: one.startedAt,
  last_used_at: one.lastUsedAt,
  expires_at: one.idleUntil,
})
