/** Policies over HTTP, as the tests of them ask. */
import { expect } from 'vitest'
import type { Reply, TestApp } from '../../support/app.ts'
import type { SignedIn } from '../../support/seed.ts'

export interface Policy {
  readonly id: string
  readonly owner: string
  readonly kind: string
  readonly name: string
  readonly version: number
  readonly enabled: boolean
  readonly built_in: boolean
  readonly versions: { version: number; enabled: boolean; at: string | null }[]
  readonly [field: string]: unknown
}
export interface List {
  readonly items: Policy[]
  readonly next_cursor: string | null
}

export const limit = {
  kind: 'rate_limit',
  name: 'Calls per end user',
  on: 'invoke',
  measure: 'requests',
  per: 'end_user',
  limit: 20,
}

/** @param owner who asks where nobody else is named */
export function asking(app: () => TestApp, owner: () => SignedIn) {
  const as = <T = Policy>(who: SignedIn, line: string, options: object = {}) =>
    app().request<T>(line, { token: who.token, ...options })
  const create = (body: unknown, who: SignedIn = owner()) => as(who, 'POST /policies', { body })
  async function created(body: unknown = limit, who: SignedIn = owner()): Promise<Policy> {
    const reply = await create(body, who)
    expect(reply.status, reply.text).toBe(201)
    return reply.body
  }
  const read = (id: string, who: SignedIn = owner(), query = '') =>
    as(who, `GET /policies/${id}${query}`)
  const patch = (id: string, body: unknown, options: object = {}, who: SignedIn = owner()) =>
    as(who, `PATCH /policies/${id}`, { body, ...options })
  async function everyPolicy(who: SignedIn, path = '/policies', query = ''): Promise<Policy[]> {
    const all: Policy[] = []
    for (let cursor = ''; ;) {
      const { body } = await as<List>(who, `GET ${path}?limit=5${query}${cursor}`)
      all.push(...body.items)
      if (body.next_cursor === null) return all
      cursor = `&cursor=${body.next_cursor}`
    }
  }
  return { as, create, created, read, patch, everyPolicy }
}
export const refusalOf = ({ status, body }: Reply<object>) => [
  status,
  (body as { code?: string }).code,
]
export const factsOf = ({ body }: Reply<object>) => (body as { facts?: object }).facts
