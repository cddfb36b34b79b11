// A claim on a slug that a crash left alone becomes an agent, once; one that lost its agent is given back.
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAgent, finishAgent } from '../../../src/commands/agent/create-agent.ts'
import { findAgentBySlug } from '../../../src/commands/agent/find-agent.ts'
import { publishAgentVersion } from '../../../src/commands/agent/publish-agent-version.ts'
import { agentVersionBody, versionOf } from '../../../src/commands/agent/version-body.ts'
import { newId, type Root, step } from '../../../src/commands/context.ts'
import { slugClaim, slugClaimId } from '../../../src/domain/slug-claim/slug-claim.ts'
import { EventTooLarge } from '../../../src/ports/event-store.ts'
import { agentVersions } from '../../../src/projections/agents.ts'
import { agentsToFinish } from '../../../src/projections/unfinished-agents.ts'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { operatorRoot } from '../../support/seed.ts'

let running: TestApp
beforeAll(async () => {
  running = await startTestApp()
})
afterAll(() => running.stop())

const owner = 'platform'
const version = versionOf(agentVersionBody.parse({ prompt_template: 'Say {{input}}' }))
const deps = () => running.app.deps

/** The first step of a creation whose process was killed before the second. */
async function claimOnly(root: Root, slug: string): Promise<string> {
  const { streams, ids } = deps()
  const holderId = newId(ids, root, 'agent')
  await streams.transact(
    slugClaim,
    slugClaimId(owner, slug),
    { type: 'ClaimSlug', scope: owner, slug, holderId, holderName: 'Left', at: root.at },
    step(ids, root, 'slug'),
  )
  return holderId
}

async function unfinished(): Promise<string[]> {
  await running.settled()
  const slugs = []
  for await (const { document } of agentsToFinish(deps().views)) slugs.push(document.slug)
  return slugs
}

const find = (slug: string) => findAgentBySlug(deps(), owner, slug)

test('the sweep finishes what a crash has left, after a minute and after a restart', async () => {
  const holderId = await claimOnly(operatorRoot(deps()), 'left')
  expect(await unfinished()).toEqual(['left'])
  await running.app.workers.sweep()
  expect(await find('left')).toBeUndefined()
  running.clock.advance(61_000)
  await running.restart()
  expect(await find('left')).toMatchObject({
    agentId: holderId,
    owner,
    slug: 'left',
    name: 'Left',
    versions: [],
  })
  expect(await unfinished()).toEqual([])
})

test('the request that comes again finishes it itself, whoever was quicker', async () => {
  for (const slug of ['again', 'swept']) {
    const root = { ...operatorRoot(deps()), digest: 'a'.repeat(64) }
    const agentId = await claimOnly(root, slug)
    if (slug === 'swept') await finishAgent(deps(), { owner, slug })
    const made = await createAgent(deps(), root, { owner, slug, name: 'Left', version })
    expect(made.agent).toMatchObject({ agentId, slug, versions: [{ version: 1 }] })
    const again = await createAgent(deps(), root, { owner, slug, name: 'Left', version })
    expect(again.agent).toEqual(made.agent)
    expect(again.revision).toBe(made.revision)
  }
  expect(await unfinished()).toEqual([])
})

test('a slug whose agent has come under another one is given back', async () => {
  const root = operatorRoot(deps())
  await claimOnly(root, 'given-up')
  await createAgent(deps(), root, { owner, slug: 'taken-instead', name: 'Left' })
  expect(await unfinished()).toEqual(['given-up'])
  await finishAgent(deps(), { owner, slug: 'given-up' })
  expect(await unfinished()).toEqual([])
  const other = await createAgent(deps(), operatorRoot(deps()), {
    owner,
    slug: 'given-up',
    name: 'Other',
  })
  expect(await find('given-up')).toEqual(other.agent)
})

test('a version that is too large for the log leaves its slug free', async () => {
  const large = { ...version, systemPrompt: '\u0001'.repeat(100_000) }
  const asked = { owner, slug: 'large', name: 'Large' }
  await expect(
    createAgent(deps(), operatorRoot(deps()), { ...asked, version: large }),
  ).rejects.toThrow(EventTooLarge)
  expect(await unfinished()).toEqual([])
  await createAgent(deps(), operatorRoot(deps()), asked)
  expect(await find('large')).toMatchObject({ name: 'Large' })
})

test('publishing twice the same is one version, whatever the order of its settings', async () => {
  const { agent } = await createAgent(deps(), operatorRoot(deps()), {
    owner,
    slug: 'twice',
    name: 'Twice',
    version,
  })
  const turned = Object.fromEntries(Object.entries(version).toReversed()) as typeof version
  const { agentId } = agent
  const again = await publishAgentVersion(deps(), operatorRoot(deps()), {
    agentId,
    version: turned,
  })
  expect(again).toMatchObject({
    version: { version: 1 },
    published: undefined,
    position: undefined,
  })
  const other = { ...version, maxTokens: 7 }
  const next = await publishAgentVersion(deps(), operatorRoot(deps()), { agentId, version: other })
  expect(next).toMatchObject({ version: { version: 2 }, published: { version: 2 } })
})

test('no prompt is in the log or the views in clear', async () => {
  const marked = { ...version, systemPrompt: 'a secret of the trade' }
  await createAgent(deps(), operatorRoot(deps()), {
    owner,
    slug: 'sealed',
    name: 'Sealed',
    version: marked,
  })
  await running.settled()
  const events = await running.app.engine.events.readAll({ after: -1n, limit: 100_000 })
  const published = events.filter(({ type }) => type === 'AgentVersionPublished')
  const shown: unknown[] = []
  for await (const { document } of deps().views.all(agentVersions)) shown.push(document)
  expect(published.length).toBe(shown.length)
  expect(shown.length).toBeGreaterThan(0)
  for (const stored of [published.map(({ data }) => data), shown])
    expect(JSON.stringify(stored)).not.toContain('secret of the trade')
})

test('any run of publications has a version for each that differs from the one before', async () => {
  let agents = 0
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(2), { minLength: 1, maxLength: 12 }), async (picks) => {
      const slug = `run-${agents++}`
      const { agent } = await createAgent(deps(), operatorRoot(deps()), { owner, slug, name: slug })
      const numbers = []
      for (const pick of picks) {
        const asked = { agentId: agent.agentId, version: { ...version, maxTokens: pick + 1 } }
        numbers.push(
          (await publishAgentVersion(deps(), operatorRoot(deps()), asked)).version.version,
        )
      }
      let expected = 0
      const differs = picks.map((pick, n) => (expected += pick === picks[n - 1] ? 0 : 1))
      expect(numbers).toEqual(differs)
    }),
    { numRuns: 25 },
  )
})
