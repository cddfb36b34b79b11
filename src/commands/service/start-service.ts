/** StartService: a process says in the log that it serves, with which version and settings. */
import { service } from '../../domain/service/service.ts'
import { step, systemRoot } from '../context.ts'
import type { Deps } from '../deps.ts'

export async function startService(
  deps: Pick<Deps, 'streams' | 'ids' | 'clock' | 'settings'>,
  what: { readonly version: string; readonly role: string; readonly settings: object },
): Promise<void> {
  const { runId } = deps.settings
  const at = deps.clock.now().toISOString()
  const root = systemRoot(deps.ids, 'service', { id: runId }, at)
  await deps.streams.transact(
    service,
    runId,
    {
      type: 'StartService',
      runId,
      version: what.version,
      role: what.role,
      settingsDigest: deps.ids.sha256(JSON.stringify(what.settings)),
      at,
    },
    step(deps.ids, root, 'start'),
  )
}
