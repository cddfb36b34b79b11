/** The rows of mutations.ts for what an organization's admins decide about itself: policies and keys. */
import { ANOTHER_TARGET, own, type Rows, type World } from './mutations.ts'

const limit = {
  kind: 'rate_limit',
  name: 'Calls',
  on: 'invoke',
  measure: 'requests',
  per: 'organization',
  limit: 1_000_000,
} as const
const platform = ({ administrator }: World) => ({ token: administrator.token })

async function made(
  world: World,
  who: { token: string; org?: string },
  path: string,
  body: unknown,
): Promise<string> {
  const reply = await world.test.request<{ id: string }>(`POST ${path}`, { ...who, body })
  if (reply.status !== 201) throw new Error(`${path}: ${reply.text}`)
  return reply.body.id
}

const policyRows = (
  path: '/policies' | '/admin/policies',
  who: (world: World) => { token: string; org?: string },
): Rows => ({
  [`POST ${path}`]: (world) => ({
    wish: { ...who(world), line: `POST ${path}`, body: limit },
    other: { body: { ...limit, limit: 2_000_000 } },
    status: 201,
    effects: { PolicyCreated: 1 },
  }),
  [`PATCH ${path}/{id}`]: async (world) => ({
    wish: {
      ...who(world),
      line: `PATCH ${path}/${await made(world, who(world), path, limit)}`,
      body: { limit: 2_000_000 },
    },
    other: { body: { limit: 3_000_000 } },
    status: 200,
    effects: { PolicyChanged: 1 },
  }),
  [`DELETE ${path}/{id}`]: async (world) => ({
    wish: {
      ...who(world),
      line: `DELETE ${path}/${await made(world, who(world), path, limit)}`,
    },
    other: {
      line: `DELETE ${path}/${await made(world, who(world), path, limit)}`,
    },
    status: 204,
    effects: { PolicyDisabled: 1 },
  }),
})

const key = { name: 'Website', scopes: ['invoke'] }

const keyRows: Rows = {
  'POST /api-keys': (world) => ({
    wish: { ...own(world), line: 'POST /api-keys', body: key },
    other: { body: { ...key, name: 'Another' } },
    status: 201,
    effects: { ApiKeyIssued: 1 },
    // The secret is shown once.
    mayDiffer: ['key'],
  }),
  'POST /api-keys/{id}/rotate': async (world) => ({
    wish: {
      ...own(world),
      line: `POST /api-keys/${await made(world, own(world), '/api-keys', key)}/rotate`,
      body: { overlap_seconds: 60 },
    },
    other: { body: { overlap_seconds: 61 } },
    status: 200,
    effects: { ApiKeyRotated: 1 },
    mayDiffer: ['key'],
  }),
  'DELETE /api-keys/{id}': async (world) => ({
    wish: {
      ...own(world),
      line: `DELETE /api-keys/${await made(world, own(world), '/api-keys', key)}`,
    },
    why: ANOTHER_TARGET,
    status: 204,
    effects: { ApiKeyRevoked: 1 },
  }),
}

export const policyAndKeyRows: Rows = {
  ...policyRows('/policies', own),
  ...policyRows('/admin/policies', platform),
  ...keyRows,
}
