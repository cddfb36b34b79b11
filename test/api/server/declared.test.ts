// No route is served that does not say who may use it and what it counts as: it stops the start and is named.
import { describe, expect, test } from 'vitest'
import type { AnyRoute } from '../../../src/api/route.ts'
import { createServer } from '../../../src/api/server.ts'

const access = { actor: 'user', resource: 'thing', action: 'read', limits: ['request'] }
const withAccess = (declared: unknown): AnyRoute =>
  ({ method: 'GET', path: '/things', answers: {}, access: declared }) as unknown as AnyRoute

describe('a route', () => {
  test.each([
    [undefined, 'access is not declared'],
    [{ ...access, actor: 'everyone' }, 'access.actor is not one of anyone, user, administrator'],
    [{ ...access, resource: undefined }, 'access.resource is not a word'],
    [{ ...access, action: 'Read it' }, 'access.action is not a word'],
    [{ ...access, limits: undefined }, 'access.limits is not declared'],
    [{ ...access, limits: ['refresh'] }, 'access.limits names refresh, which is no limited action'],
    [{ ...access, limits: [] }, 'access.limits is empty'],
    [{ ...access, actor: 'anyone', limits: [] }, 'access.limits is empty'],
    [{ ...access, scope: 'usage:read' }, 'access.scope needs a role beside it'],
  ])('with %j stops the start', async (declared, lack) => {
    const start = createServer({ routes: [withAccess(declared)] } as never)
    await expect(start).rejects.toThrow(`route GET /things: ${lack}`)
  })
})
