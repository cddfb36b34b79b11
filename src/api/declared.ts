/** A route that does not say who may use it and what it counts as stops the start. */
import { limitedActions } from '../domain/policy/events.ts'
import type { AnyRoute } from './route.ts'

/** Anybody may ask for these at any time: for whoever looks after the process, and before signing in. */
const OPEN: ReadonlySet<string> = new Set(['health', 'documents', 'keys'])
const ACTORS: ReadonlySet<unknown> = new Set(['anyone', 'user', 'administrator'])
const ACTIONS: ReadonlySet<unknown> = new Set(limitedActions)
const WORD = /^[a-z][a-z0-9_]{0,63}$/

/** @throws Error that names the route and what it lacks */
export function assertDeclared(routes: readonly AnyRoute[]): void {
  for (const route of routes) {
    const lack = lackOf(route)
    if (lack !== undefined) throw new Error(`route ${route.method} ${route.path}: ${lack}`)
  }
}

function lackOf({ access }: { readonly access?: Partial<AnyRoute['access']> }): string | undefined {
  if (typeof access !== 'object') return 'access is not declared'
  const { actor, resource, action, limits, role, scope } = access
  if (!ACTORS.has(actor)) return 'access.actor is not one of anyone, user, administrator'
  if (typeof resource !== 'string' || !WORD.test(resource)) return 'access.resource is not a word'
  if (typeof action !== 'string' || !WORD.test(action)) return 'access.action is not a word'
  if (!Array.isArray(limits)) return 'access.limits is not declared'
  const unknown = limits.find((one) => !ACTIONS.has(one))
  if (unknown !== undefined)
    return `access.limits names ${String(unknown)}, which is no limited action`
  if (limits.length === 0 && !(actor === 'anyone' && OPEN.has(resource)))
    return 'access.limits is empty'
  if (scope !== undefined && role === undefined) return 'access.scope needs a role beside it'
  return undefined
}
