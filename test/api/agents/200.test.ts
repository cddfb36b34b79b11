// Agents are listed, read, changed and labelled by who may; prompts are shown to who manages them only.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { signIn } from '../../support/seed.ts'
import { anAgent, asker, type Body, type People, people, version } from './agents.ts'

interface List<Item> {
  readonly items: readonly Item[]
  readonly next_cursor: string | null
}
interface Version {
  readonly version: number
  readonly published_at: string
  readonly prompt_template?: string | null
}

let app: TestApp
let who: People
let ask: ReturnType<typeof asker>
beforeAll(async () => {
  app = await startTestApp()
  who = await people(app)
  ask = asker(app, who.orgId)
})
afterAll(() => app.stop())

test("a list has the organization's own agents, then the platform's, page by page", async () => {
  const owner = await signIn(app)
  const own = { org: owner.orgId }
  for (const slug of ['b', 'a'])
    await ask(owner, 'POST /agents', { body: { slug, name: slug }, ...own })
  for (const slug of ['z', 'y'])
    await ask(who.administrator, 'POST /agents', {
      body: { slug, name: slug, owner: 'platform' },
      org: who.administrator.orgId,
    })
  await anAgent(app, who)
  const slugs: string[] = []
  let cursor: string | null = ''
  for (let pages = 0; cursor !== null && pages < 10; pages++) {
    const line: string = `GET /agents?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`
    const { body } = await ask<List<Body>>(owner, line, own)
    slugs.push(...body.items.map(({ slug }) => slug))
    cursor = body.next_cursor
  }
  expect(slugs).toEqual(['a', 'b', 'y', 'z'])
  const whole = await ask<List<Body>>(owner, 'GET /agents', own)
  expect(whole.body.items.map(({ slug }) => slug)).toEqual(slugs)
  expect(whole.body.next_cursor).toBeNull()
  expect(whole.headers['x-position']).toMatch(/^\d+$/)
})

test('members and auditors see what an agent takes, never its prompts', async () => {
  const agentId = await anAgent(app, who)
  for (const person of [who.member, who.auditor]) {
    const agent = await ask(person, `GET /agents/${agentId}`)
    expect(agent.status).toBe(200)
    expect(agent.body.production).toMatchObject({ version: 1, variables: [{ name: 'language' }] })
    const versions = await ask<List<Version>>(person, `GET /agents/${agentId}/versions`)
    expect(versions.body.items).toHaveLength(1)
    for (const text of [agent.text, versions.text]) {
      expect(text).not.toContain('prompt_template')
      expect(text).not.toContain('system_prompt')
      expect(text).not.toContain('Question')
    }
  }
})

test.each(['owner', 'admin', 'administrator'] as const)('the %s sees the prompts', async (role) => {
  const agentId = await anAgent(app, who)
  const own = role === 'administrator' ? { org: who.administrator.orgId } : {}
  const agent = await ask(who[role], `GET /agents/${agentId}`, own)
  expect(agent.body.production).toMatchObject({ system_prompt: version.system_prompt })
  const versions = await ask<List<Version>>(who[role], `GET /agents/${agentId}/versions`, own)
  expect(versions.body.items).toMatchObject([{ prompt_template: version.prompt_template }])
})

test('versions are listed newest first, with the time of publication', async () => {
  const agentId = await anAgent(app, who)
  app.clock.advance(60_000)
  const body = { ...version, prompt_template: 'Second: {{input}}' }
  await ask(who.owner, `POST /agents/${agentId}/versions`, { body })
  const path = `GET /agents/${agentId}/versions?limit=1`
  const first = await ask<List<Version>>(who.owner, path)
  expect(first.body.items).toMatchObject([
    {
      version: 2,
      prompt_template: 'Second: {{input}}',
      published_at: app.clock.now().toISOString(),
    },
  ])
  const next = await ask<List<Version>>(who.owner, `${path}&cursor=${first.body.next_cursor}`)
  expect(next.body.items).toMatchObject([{ version: 1 }])
  expect(next.body.next_cursor).toBeNull()
})

test('publishing what the latest version says is that version', async () => {
  const agentId = await anAgent(app, who)
  const send = () => ask(who.owner, `POST /agents/${agentId}/versions`, { body: version })
  for (const reply of [await send(), await send()]) {
    expect(reply.status).toBe(200)
    expect(reply.body).toMatchObject({ version: 1 })
  }
  expect((await ask(who.owner, `GET /agents/${agentId}`)).headers['etag']).toBe('"2"')
})

test('the same new version from 20 people at once is one version', async () => {
  const agentId = await anAgent(app, who)
  const body = { ...version, prompt_template: 'New: {{input}}' }
  const send = () => ask(who.owner, `POST /agents/${agentId}/versions`, { body })
  const replies = await Promise.all(Array.from({ length: 20 }, send))
  expect(replies.filter(({ status }) => status === 201)).toHaveLength(1)
  expect(replies.filter(({ status }) => status === 200)).toHaveLength(19)
  const agent = await ask(who.owner, `GET /agents/${agentId}`)
  expect(agent.body.latest_version).toBe(2)
})

test('a name and a switch are changed in one append, also with the ETag just read', async () => {
  const agentId = await anAgent(app, who)
  const { headers } = await ask(who.admin, `GET /agents/${agentId}`)
  const changed = await ask(who.admin, `PATCH /agents/${agentId}`, {
    body: { name: 'Interpreter', active: false },
    headers: { 'if-match': String(headers['etag']) },
  })
  expect(changed.status).toBe(200)
  expect(changed.body).toMatchObject({ name: 'Interpreter', active: false })
  expect(changed.headers['etag']).toBe('"4"')
  const back = await ask(who.admin, `PATCH /agents/${agentId}`, { body: { active: true } })
  expect(back.body).toMatchObject({ name: 'Interpreter', active: true })
  // A list waits for its own process's writes only so long.
  await app.settled()
  const list = await ask<List<Body>>(who.member, 'GET /agents?limit=100')
  const listed = list.body.items.find((one) => one.id === agentId)
  expect(listed).toMatchObject({ name: 'Interpreter', active: true })
})

test('a label is put on a version and moved', async () => {
  const agentId = await anAgent(app, who)
  const body = { ...version, prompt_template: 'Better: {{input}}' }
  await ask(who.owner, `POST /agents/${agentId}/versions`, { body })
  const line = (label: string) => `PUT /agents/${agentId}/labels/${label}`
  const canary = await ask(who.owner, line('canary'), { body: { version: 2 } })
  expect(canary.body.labels).toEqual({ production: 1, canary: 2 })
  const moved = await ask(who.owner, line('production'), { body: { version: 2 }, key: 'move' })
  expect(moved.body).toMatchObject({
    labels: { production: 2, canary: 2 },
    production: { version: 2, prompt_template: 'Better: {{input}}' },
  })
  const again = await ask(who.owner, line('production'), { body: { version: 2 }, key: 'move' })
  expect(again.text).toBe(moved.text)
})

test('an administrator switches off an agent of any organization', async () => {
  const agentId = await anAgent(app, who)
  const own = { org: who.administrator.orgId }
  const reply = await ask(who.administrator, `PATCH /agents/${agentId}`, {
    body: { active: false },
    ...own,
  })
  expect(reply.body).toMatchObject({ active: false, owner: who.orgId })
})

test('prompts whose key is destroyed come as null, the rest stays', async () => {
  const owner = await signIn(app)
  const own = { org: owner.orgId }
  const agentId = await anAgent(app, owner)
  await app.app.deps.sealer.destroy(`content/${owner.orgId}`)
  app.app.deps.streams.forget()
  const erased = { system_prompt: null, prompt_template: null }
  const agent = await ask(owner, `GET /agents/${agentId}`, own)
  expect(agent.body.production).toMatchObject({ version: 1, ...erased })
  const versions = await ask<List<Version>>(owner, `GET /agents/${agentId}/versions`, own)
  expect(versions.body.items).toMatchObject([{ version: 1, ...erased }])
})
