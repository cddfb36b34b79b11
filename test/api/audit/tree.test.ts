// One request's events stand under what caused them, from the hold to the charge, with what workers did for it.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { callRoot } from '../../../src/commands/invocation/flow.ts'
import type { ShownNode } from '../../../src/api/audit/schemas.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { invoke } from '../../support/funded.ts'
import { type History, makeHistory } from './history.ts'

interface Tree {
  readonly correlation_id: string
  readonly events: number
  readonly complete: boolean
  readonly roots: readonly {
    readonly causation_id: string
    readonly caused: readonly ShownNode[]
  }[]
}

let app: TestApp
let history: History
beforeAll(async () => {
  app = await startTestApp()
  history = await makeHistory(app)
}, 30_000)
afterAll(() => app.stop())

/** Types, with those below in brackets. */
const outline = (nodes: readonly ShownNode[]): string =>
  nodes
    .map(({ event, caused }) => `${event.type}${caused.length > 0 ? `(${outline(caused)})` : ''}`)
    .join(' ')

async function treeOf(id: string): Promise<Tree> {
  await app.settled()
  const reply = await app.request<Tree>(`GET /audit/correlations/${encodeURIComponent(id)}`, {
    token: history.auditor.token,
    org: history.owner.orgId,
  })
  if (reply.status !== 200) throw new Error(reply.text)
  return reply.body
}

describe('GET /audit/correlations/{id}', () => {
  test('a call: hold, accept, start, complete, settle under one command', async () => {
    const tree = await treeOf(history.requestId)
    expect(tree).toMatchObject({ correlation_id: history.requestId, events: 5, complete: true })
    expect(tree.roots).toHaveLength(1)
    expect(outline(tree.roots[0]?.caused ?? [])).toBe(
      'HoldPlaced InvocationAccepted InvocationStarted InvocationCompleted HoldSettled',
    )
    const settled = tree.roots[0]?.caused.at(-1)?.event
    expect(settled?.causation_id).toBe(tree.roots[0]?.causation_id)
    expect(settled?.data).toMatchObject({ charge: { currency: 'USD' } })
  })

  test('what a worker did with the call stands under the acceptance', async () => {
    const { deps, engine } = app.app
    const { owner } = history
    const requestId = `worker-${deps.ids.random()}`
    const { body } = await invoke(app, owner, {}, { headers: { 'x-request-id': requestId } })
    const invocationId = body.invocation_id
    const at = app.clock.now().toISOString()
    const root = callRoot(deps, 'settle-invocations', { invocationId, orgId: owner.orgId })
    await engine.events.append(`invocation-${invocationId}`, 2, [
      {
        id: deps.ids.random(),
        type: 'InvocationCancelRequested',
        data: JSON.stringify({ invocationId, by: 'client_gone', requestedAt: at }),
        metadata: JSON.stringify({
          v: 1,
          recordedAt: at,
          commandId: root.id,
          $correlationId: root.correlationId,
          $causationId: root.causationId,
          actor: root.actor,
          orgId: owner.orgId,
        }),
      },
    ])
    const tree = await treeOf(requestId)
    expect(tree.roots.map(({ caused }) => outline(caused))).toEqual([
      'HoldPlaced InvocationAccepted(InvocationCancelRequested) InvocationStarted ' +
        'InvocationCompleted HoldSettled',
    ])
  })

  test('a request that changed one thing', async () => {
    const { owner } = history
    const requestId = `rename-${app.app.deps.ids.random()}`
    await app.request(`PATCH /organizations/${owner.orgId}`, {
      token: owner.token,
      body: { name: 'Another' },
      headers: { 'x-request-id': requestId },
    })
    const tree = await treeOf(requestId)
    expect(tree.roots.map(({ caused }) => outline(caused))).toEqual(['OrganizationRenamed'])
  })

  test('404 for a request that wrote nothing, 400 for what is no id', async () => {
    const who = { token: history.auditor.token, org: history.owner.orgId }
    const unknown = await app.request('GET /audit/correlations/never-was', who)
    expect(unknown.body).toMatchObject({ status: 404, code: 'not_found' })
    const wrong = await app.request('GET /audit/correlations/%20', who)
    expect(wrong.body).toMatchObject({ status: 400, errors: [{ path: 'path.id' }] })
  })
})

describe('GET /audit/streams/{stream}', () => {
  test('a call from its beginning', async () => {
    const line = `GET /audit/streams/invocation-${history.invocationId}`
    const { token } = history.auditor
    const reply = await app.request<{ items: { type: string; revision: number }[] }>(line, {
      token,
      org: history.owner.orgId,
    })
    expect(reply.body.items.map(({ type, revision }) => [revision, type])).toEqual([
      [0, 'InvocationAccepted'],
      [1, 'InvocationStarted'],
      [2, 'InvocationCompleted'],
    ])
  })

  test.each(['nodash', 'account-', 'Account-org_x', `account-${'x'.repeat(201)}`])(
    '400 for %s',
    async (stream) => {
      const reply = await app.request(`GET /audit/streams/${stream}`, {
        token: history.auditor.token,
        org: history.owner.orgId,
      })
      expect(reply.body).toMatchObject({ status: 400, errors: [{ path: 'path.stream' }] })
    },
  )
})
