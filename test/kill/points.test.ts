// A server killed at any point of any flow leaves nothing half done: a restart and a repeat of the request give one effect and its answer.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  askApp,
  type CrashData,
  expectInvariants,
  logOf,
  openApp,
  prepareData,
  quiet,
} from '../support/crash-data.ts'
import type { CrashPoint } from '../support/crash-server.ts'
import type { StoredEvent } from '../../src/ports/event-store.ts'
import { ask, crashServers } from '../support/servers.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import {
  type Effects,
  type Flow,
  type FlowPoint,
  flows,
  NEW_EMAIL,
  NEW_PASSWORD,
  PROMPT,
} from './flows.ts'

let upstream: Upstream
let data: CrashData
let servers: ReturnType<typeof crashServers>

beforeAll(async () => {
  servers = crashServers()
  upstream = await startUpstream()
  data = await prepareData(upstream)
})
afterAll(async () => {
  await servers.close()
  await upstream.close()
  await data.remove()
})

const nameOf = ({ at, n = 1, ...point }: CrashPoint): string =>
  [
    'when' in point ? point.when : 'at',
    'type' in point ? point.type : at,
    ...(n > 1 ? [`no. ${n}`] : []),
  ].join(' ')

function effectsOf(events: readonly StoredEvent[]): Effects {
  const counts: Record<string, number> = {}
  for (const { type } of events)
    if (type !== 'UsageRecorded') counts[type] = (counts[type] ?? 0) + 1
  return counts
}

async function killAt(flow: Flow, point: FlowPoint): Promise<void> {
  const directory = await data.copy()
  const environment = { ...data.environment(directory), ...flow.environment }
  const asked = flow.asks(data)
  upstream.next(...(flow.provider ?? []))
  const server = await servers.start({ environment, point })
  const got = await ask(server.url ?? '', asked)
  expect(await server.died).toEqual({ reached: true })
  const outcome = point.ends ?? flow

  const app = await openApp(environment)
  try {
    await quiet(app)
    const base = await seededUntil()
    if (point.swept) expect(effectsOf(await logOf(app, base))).toEqual(outcome.effects)
    const again = await askApp(app, asked)
    expect({ status: again.status, text: again.text }).toEqual({
      status: outcome.status,
      text: expect.any(String),
    })
    await quiet(app)
    expect(effectsOf(await logOf(app, base))).toEqual(outcome.effects)
    // What was answered before the kill is answered again.
    if (got && flow.name === 'invoke') expect(again.text).toBe(got.text)
    const mustNotAppear = [...data.secrets, NEW_EMAIL, NEW_PASSWORD, PROMPT]
    await expectInvariants(app, { quiet: true, mustNotAppear })
  } finally {
    await app.stop()
  }
}

let head: bigint | undefined
/** Where the log of the seed ends. */
async function seededUntil(): Promise<bigint> {
  if (head !== undefined) return head
  const app = await openApp(data.environment(await data.copy()))
  head = await app.engine.events.head()
  await app.stop()
  return head
}

describe.each(flows)('$name', (flow) => {
  test.each(flow.points.map((point) => [nameOf(point), point] as const))('%s', (_name, point) =>
    killAt(flow, point),
  )
})
