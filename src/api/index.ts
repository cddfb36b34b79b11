/** Every route of the front door. */
import type { Deps } from '../commands/deps.ts'
import { type HealthSources, healthRoutes } from './health.ts'
import type { AnyRoute } from './route.ts'

export function routes(deps: Deps, sources: HealthSources): readonly AnyRoute[] {
  return [...healthRoutes(deps, sources)]
}
