/** Many facts of one organization, written straight into the log: keys with long lists. */
import { newId } from '../../src/commands/context.ts'
import type { TestApp } from './app.ts'
import { operatorRoot } from './seed.ts'

const BATCH = 200

/** @returns the stream */
export async function writeFacts(
  test: TestApp,
  { orgId, userId }: { readonly orgId: string; readonly userId: string },
  count: number,
  agents = 100,
): Promise<string> {
  const { deps, engine } = test.app
  const root = operatorRoot(deps)
  const keyId = newId(deps.ids, root, 'apiKey')
  const stream = `apiKey-${keyId}`
  const data = JSON.stringify({
    keyId,
    orgId,
    issuedBy: userId,
    name: 'Many',
    scopes: ['audit:read'],
    agents: Array.from({ length: agents }, (_, n) => newId(deps.ids, root, 'agent', `agent-${n}`)),
    secretDigest: '0'.repeat(64),
    at: root.at,
  })
  const metadata = JSON.stringify({
    v: 1,
    recordedAt: root.at,
    commandId: root.id,
    $correlationId: root.correlationId,
    $causationId: root.causationId,
    actor: root.actor,
    orgId,
  })
  for (let written = 0; written < count; written += BATCH) {
    const events = Array.from({ length: Math.min(BATCH, count - written) }, () => ({
      id: deps.ids.random(),
      type: 'ApiKeyIssued',
      data,
      metadata,
    }))
    await engine.events.append(stream, written === 0 ? 'none' : written - 1, events)
  }
  return stream
}
