/** API keys over HTTP, as the tests of them ask. */
import { expect } from 'vitest'
import type { Reply, TestApp } from '../../support/app.ts'

export interface Key {
  readonly id: string
  readonly key: string
  readonly display: string
  readonly status: string
  readonly last_used_at: string | null
}
export type Problem = Record<string, unknown>

/** Every scope. */
export const all = [
  'invoke',
  'agents:read',
  'invocations:read',
  'usage:read',
  'billing:read',
  'audit:read',
] as const

/** @param owner issues the keys */
export function keysOf(app: () => TestApp, owner: () => { readonly token: string }) {
  const issue = (body: object = {}, options: { key?: string; token?: string; org?: string } = {}) =>
    app().request<Key & Problem>('POST /api-keys', {
      token: owner().token,
      ...options,
      body: { name: 'Website', scopes: [...all], ...body },
    })
  async function issued(body: object = {}): Promise<Key> {
    const reply = await issue(body)
    expect(reply.status, reply.text).toBe(201)
    return reply.body
  }
  const withKey = <T = Problem>(
    line: string,
    key: string,
    options: object = {},
  ): Promise<Reply<T>> => app().request<T>(line, { token: key, ...options })
  return { issue, issued, withKey }
}
