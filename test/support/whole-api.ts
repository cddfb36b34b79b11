/** Every route of an application, and what a test of all of them needs to say about each. */
import type { AnyRoute } from '../../src/api/route.ts'
import type { App } from '../../src/app.ts'
import { invoke } from './funded.ts'
import { ownRows, type Rows, type Wish, type World } from './mutations.ts'
import { sharedRows } from './shared-mutations.ts'

/** The routes as they are declared: the OpenAPI document is made from the same list. */
export const everyRoute = ({ routes }: App): readonly AnyRoute[] => routes

export const nameOf = ({ method, path }: Pick<AnyRoute, 'method' | 'path'>): string =>
  `${method} ${path}`

const mutations: Rows = { ...ownRows, ...sharedRows }
/** Of what has a route to read it and another to change it. */
const READ_BY_CHANGE = [
  ['GET /policies/{id}', 'DELETE /policies/{id}'],
  ['GET /admin/policies/{id}', 'DELETE /admin/policies/{id}'],
  ['GET /api-keys/{id}', 'DELETE /api-keys/{id}'],
] as const

/** For each route a request of the owner's about a thing that is there. */
export async function wishesOf(world: World): Promise<(name: string) => Promise<Wish>> {
  const { test, owner } = world
  const { agentId, orgId } = owner
  const call = await invoke(test, owner)
  const invocationId = call.body.invocation_id
  const ids = new Map<string, string>()
  for (const [read, change] of READ_BY_CHANGE) {
    const row = await mutations[change]?.(world)
    ids.set(read, row?.wish.line.split('/').at(-1) ?? '')
  }
  return async (name) => {
    const row = mutations[name]
    if (row) return (await row(world)).wish
    const line = name
      .replace('{agent_id}', agentId)
      .replace('{payment_id}', 'txn_of_nobody')
      .replace('/paddle-events/{id}', '/paddle-events/evt_of_nobody')
      .replace('{stream}', `account-${orgId}`)
      .replace('/correlations/{id}', `/correlations/${String(call.headers['x-request-id'])}`)
      .replace('/models/{model}', `/models/${agentId}`)
      .replace('/invocations/{id}', `/invocations/${invocationId}`)
      .replace('/organizations/{id}', `/organizations/${orgId}`)
      .replace('{id}', () => ids.get(name) ?? '{id}')
    if (line.includes('{')) throw new Error(`nothing is there for ${line}`)
    return { line }
  }
}
