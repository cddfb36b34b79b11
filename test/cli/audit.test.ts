// An operator reads the history as tables and as JSON lines, by the same filters, beside a server and without one.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Installation, installation } from '../support/command-line.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

interface Row {
  readonly position: string
  readonly stream: string
  readonly revision: number
  readonly type: string
  readonly metadata: {
    readonly recordedAt: string
    readonly actor: { readonly kind: string }
    readonly $correlationId: string
    readonly orgId?: string
  }
}

let own: Installation
let all: readonly Row[]
beforeAll(async () => {
  own = await installation()
  await own.typing('correct horse battery', 'admin', 'create', '--email', 'ada@example.com')
  all = (await own.daybook('--json', 'events')).rows<Row>()
})
afterAll(() => own.remove())

const organization = () => all.find((one) => one.type === 'OrganizationCreated')?.stream ?? ''
const json = async (...args: readonly string[]) =>
  (await own.daybook('--json', ...args)).rows<Row>()

function looks(options: number) {
  test('events by kind, stream, type, actor, organization, request and time', async () => {
    const [first] = all
    const org = organization().replace('organization-', '')
    const time = first?.metadata.recordedAt ?? ''
    const matching: readonly (readonly [option: string, value: string, (row: Row) => boolean])[] = [
      ['--category', 'account', ({ stream }) => stream.startsWith('account-')],
      ['--stream', organization(), ({ stream }) => stream === organization()],
      ['--type', 'UserRegistered', ({ type }) => type === 'UserRegistered'],
      ['--actor', 'operator', ({ metadata }) => metadata.actor.kind === 'operator'],
      ['--actor', 'usr_nobody', () => false],
      ['--organization', org, ({ stream }) => stream.endsWith(org)],
      [
        '--correlation',
        first?.metadata.$correlationId ?? '',
        ({ metadata }) => metadata.$correlationId === first?.metadata.$correlationId,
      ],
      ['--from', time, ({ metadata }) => metadata.recordedAt >= time],
      ['--to', time, ({ metadata }) => metadata.recordedAt < time],
    ]
    for (const [option, value, keep] of matching.slice(0, options)) {
      const shown = await json('events', option, value)
      const known = shown.filter(({ type }) => type !== 'ServiceStarted')
      const wanted = all.filter((row) => keep(row) && row.type !== 'ServiceStarted')
      expect({ option, value, rows: known }).toEqual({ option, value, rows: wanted })
    }
  })

  test('a table of events, a stream, and the tree of a request', async () => {
    const table = await own.daybook('events', '--category', 'organization')
    const [head, line, ...rest] = table.out.trimEnd().split('\n')
    expect(head).toMatch(/^ Position {2}When \(UTC\) +Event +Stream +By$/)
    expect(line).toMatch(
      /^ +\d+ {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}OrganizationCreated +organization-/,
    )
    expect(rest).toEqual([])
    const stream = await own.daybook('stream', organization())
    expect(stream.out).toMatch(/\n {7}0 {2}\S+ \S+ {2}OrganizationCreated +[\w-]+\n$/)
    expect((await json('stream', organization())).map((row) => row.type)).toEqual([
      'OrganizationCreated',
    ])
    const request = all.find((one) => one.type === 'UserRegistered')?.metadata.$correlationId ?? ''
    const tree = await own.daybook('tree', request)
    expect(tree.out).toContain('UserRegistered')
    const nodes = (await own.daybook('--json', 'tree', request)).rows<Row & { depth: number }>()
    const first = nodes[0]
    expect(first).toMatchObject({ depth: 0, position: expect.any(String) })
    expect(nodes.map((one) => Number(one.position)).toSorted((a, b) => a - b)).toEqual(
      all
        .filter((one) => one.metadata.$correlationId === request)
        .map((one) => Number(one.position)),
    )
    for (const { out } of [table, stream, tree])
      expect(out).not.toMatch(/ada@example\.com|correct horse|argon2id/)
  })

  test('what is not there is said', async () => {
    expect(await own.daybook('stream', 'user-nobody')).toMatchObject({
      code: 1,
      out: '',
      err: 'there is no stream user-nobody\n',
    })
    expect(await own.daybook('tree', 'never-was')).toMatchObject({
      code: 1,
      err: 'no event belongs to the request never-was\n',
    })
    const none = await own.daybook('events', '--type', 'NoSuchEvent')
    expect(none).toMatchObject({ code: 0, out: 'No event matches.\n' })
    expect(await json('events', '--type', 'NoSuchEvent')).toEqual([])
  })
}

/** Each command opens the data itself, which takes a second: a few options are enough. */
describe('without a server', () => looks(2))
describe('beside a server', () => {
  let server: Awaited<ReturnType<Installation['startServer']>>
  beforeAll(async () => {
    server = await own.startServer()
  })
  afterAll(() => server.stop())
  looks(9)
})

describe('typed wrongly', () => {
  test.each([
    ['events', '--from', 'yesterday'],
    ['events', '--to', '2026-13-01'],
    ['events', '--organization', 'mine'],
    ['events', '--category', 'not-one'],
    ['events', '--stream', 'nodash'],
    ['events', '--type', 'lower'],
    ['events', '--limit', '0'],
    ['stream', '--limit', 'x', 'account-org_x'],
    ['tree', '--organization', 'mine', 'a-request'],
  ])('%s %s %s is refused and the option named', async (...args) => {
    const ran = await own.daybook(...args)
    expect(ran).toMatchObject({ code: 64, out: '' })
    expect(ran.err).toContain(args[1])
  })

  test('help explains each', async () => {
    for (const command of ['events', 'stream', 'tree']) {
      const { code, out } = await own.daybook(command, '--help')
      expect(code).toBe(0)
      expect(out).toContain('Examples:')
    }
  })
})
