// What an operator publishes and grants is what the log says, the same text twice changes nothing, and
// a mistake in a file is named by its path.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Installation, installation } from '../support/command-line.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
let own: Installation
let org: string
beforeAll(async () => {
  own = await installation()
  await own.startServer()
  await own.typing('correct horse battery', 'admin', 'create', '--email', 'ada@example.com')
  const [ada] = (await own.daybook('--json', 'user', 'find', 'ada@example.com')).rows()
  org = String(ada?.['personal_org_id'])
})
afterAll(() => own.remove())

const file = async (name: string, content: unknown): Promise<string> => {
  const path = join(own.folder, name)
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}
/** How much operators have written: the server's own work goes on beside. */
const written = async (): Promise<number> => {
  const events = (await own.daybook('--json', 'events')).rows<{
    metadata: { actor: { kind: string } }
  }>()
  return events.filter(({ metadata }) => metadata.actor.kind === 'operator').length
}

describe('seed', () => {
  test('without it nothing can be sold, and check says so', async () => {
    const ran = await own.daybook('--json', 'check', '--model', 'gpt-5-mini')
    expect(ran.code).toBe(1)
    expect(ran.rows()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ part: 'model', ok: false }),
        expect.objectContaining({ part: 'plan', ok: false }),
        expect.objectContaining({ part: 'price', ok: false }),
      ]),
    )
  })

  test('publishes models, prices and plans with their date, once', async () => {
    const first = await own.daybook('--json', 'seed')
    expect(first.code).toBe(0)
    expect(first.err).toMatch(
      /public\s+price\s+list[^]*as\s+of\s+\d{4}-\d{2}[^]*Check\s+both\s+before\s+you\s+sell/,
    )
    const rows = first.rows<{ what: string; name: string; state: string }>()
    expect(new Set(rows.map((row) => row.state))).toEqual(new Set(['published']))
    expect(rows.map((row) => row.name)).toEqual(
      expect.arrayContaining(['gpt-5-mini', 'practice-1', 'Starter prices', 'free', 'pro']),
    )
    const models = (await own.daybook('--json', 'events', '--type', 'ModelPublished')).rows().length
    const second = await own.daybook('--json', 'seed', '--replace')
    expect(new Set(second.rows().map((row) => row['state']))).toEqual(new Set(['unchanged']))
    expect((await own.daybook('--json', 'events', '--type', 'ModelPublished')).rows()).toHaveLength(
      models,
    )
    const checked = (await own.daybook('--json', 'check')).rows()
    for (const part of ['model', 'plan', 'price'])
      expect(checked).toContainEqual(expect.objectContaining({ part, ok: true }))
  })

  test('keeps what the administrator has changed', async () => {
    const usd = { input_uncached: '9', input_cached: '9', output: '9', reasoning: '9' }
    const list = { name: 'Starter prices', entries: [{ model: 'gpt-5', cost: usd, price: usd }] }
    const published = await own.daybook('price', 'publish', await file('prices.json', list))
    expect(published).toMatchObject({ code: 0, out: expect.stringMatching(/Starter prices +2/) })
    await own.daybook('seed')
    const events = (await own.daybook('--json', 'events', '--type', 'PriceListPublished')).rows()
    expect(events).toHaveLength(2)
  })
})

describe('publish', () => {
  test('an agent, its next version, and its label', async () => {
    const agent = {
      slug: 'echo',
      name: 'Echo',
      prompt_template: '{{input}}',
      variables: [{ name: 'input' }],
    }
    const path = await file('agent.json', agent)
    expect((await own.daybook('--json', 'agent', 'publish', path)).rows()).toMatchObject([
      { what: 'agent', name: 'echo', version: 1, state: 'published' },
    ])
    expect((await own.daybook('--json', 'agent', 'publish', path)).rows()).toMatchObject([
      { version: 1, state: 'unchanged' },
    ])
    const next = JSON.stringify({ ...agent, prompt_template: 'Say: {{input}}' })
    const second = await own.typing(next, 'agent', 'publish', '-')
    expect(second.out).toContain('Calls still get version 1')
    const moved = await own.typing(next, 'agent', 'publish', '-', '--label', 'production')
    expect(moved).toMatchObject({ code: 0, err: '' })
    const labels = (await own.daybook('--json', 'events', '--type', 'AgentLabelMoved')).rows()
    expect(labels.at(-1)).toMatchObject({ data: { label: 'production', version: 2 } })
  })

  test.each<[string, string, unknown, RegExp]>([
    [
      'price',
      'no amount',
      { name: 'x', entries: [{ model: 'm', cost: {}, price: {} }] },
      /^entries\.0\.cost\.input_uncached: /,
    ],
    ['plan', 'a field too many', { name: 'x', colour: 'red' }, /^colour: there is no such field$/m],
    ['model', 'the wrong type', { name: 5 }, /^name: /],
    [
      'agent',
      'no input',
      { slug: 'x', name: 'x', prompt_template: 'hi', variables: [] },
      /template_invalid/,
    ],
    ['plan', 'no JSON', '{ "name": ', /is not JSON/],
  ])('%s refuses %s and writes nothing', async (noun, _what, content, words) => {
    const before = await written()
    const ran = await own.daybook(noun, 'publish', await file('wrong.json', content))
    expect({ out: ran.out, ok: ran.code === 0 }).toEqual({ out: '', ok: false })
    expect(ran.err).toMatch(words)
    expect(ran.err).not.toMatch(/ {4}at /)
    expect(await written()).toBe(before)
  })
})

describe('credit and charges', () => {
  test('a grant is a lot with a reason, exact to the nano', async () => {
    const args = ['credit', 'grant', org, '10.000000001', '--reason', 'welcome']
    const ran = await own.daybook('--json', ...args, '--expires', '2099-01-01')
    expect(ran.rows()).toMatchObject([
      { organization: org, granted: '10.000000001', expires_at: '2099-01-01T00:00:00.000Z' },
    ])
    const grants = (await own.daybook('--json', 'events', '--stream', `account-${org}`)).rows()
    expect(grants).toContainEqual(
      expect.objectContaining({
        type: 'CreditGranted',
        data: expect.objectContaining({ amountNanos: '10000000001', reason: 'welcome' }),
        metadata: expect.objectContaining({ actor: { kind: 'operator' } }),
      }),
    )
  })

  test.each<[string, string[], number, RegExp]>([
    ['a comma', ['credit', 'grant', 'ORG', '10,00', '--reason', 'x'], 64, /^amount: a decimal/],
    ['nothing', ['credit', 'grant', 'ORG', '0', '--reason', 'x'], 64, /^amount: more than nothing/],
    ['no reason', ['credit', 'grant', 'ORG', '1'], 64, /required option '--reason/],
    [
      'a day gone by',
      ['credit', 'grant', 'ORG', '1', '--reason', 'x', '--expires', '2020-01-01'],
      64,
      /has passed/,
    ],
    [
      'no day',
      ['credit', 'grant', 'ORG', '1', '--reason', 'x', '--expires', 'soon'],
      64,
      /^expires: /,
    ],
    [
      'no organization',
      ['credit', 'grant', 'org_x', '1', '--reason', 'x'],
      64,
      /^organization: an id/,
    ],
    [
      'somebody else’s organization',
      ['credit', 'grant', 'org_00000000000000000000000000', '1', '--reason', 'x'],
      1,
      /organization_not_found/,
    ],
    [
      'a call that never was',
      ['charge', 'adjust', 'inv_00000000000000000000000000', '-0.01', '--reason', 'x'],
      1,
      /invocation_not_found/,
    ],
  ])('refuses %s', async (_name, args, code, words) => {
    const before = await written()
    const ran = await own.daybook(...args.map((arg) => (arg === 'ORG' ? org : arg)))
    expect({ code: ran.code, out: ran.out }).toEqual({ code, out: '' })
    expect(ran.err).toMatch(words)
    expect(ran.err).not.toMatch(/ {4}at /)
    expect(await written()).toBe(before)
  })
})
