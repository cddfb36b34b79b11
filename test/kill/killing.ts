/**
 * Kills a server at every point of flows, and at every point of the starts that take up what a kill has
 * left; opens the data again, repeats the request, and looks for its one effect.
 */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  askApp,
  type CrashData,
  effectsOf,
  expectInvariants,
  logOf,
  openApp,
  prepareData,
  quiet,
} from '../support/crash-data.ts'
import type { CrashPoint } from '../support/crash-server.ts'
import { ask, type Asked, crashServers } from '../support/servers.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'
import {
  type Flow,
  type FlowPoint,
  NEW_EMAIL,
  NEW_PASSWORD,
  type Outcome,
  PROMPT,
  type Recovery,
} from './flow.ts'

let upstream: Upstream
let data: CrashData
let servers: ReturnType<typeof crashServers>

const nameOf = ({ at, n = 1, ...point }: CrashPoint): string =>
  [
    'when' in point ? point.when : 'at',
    'type' in point ? point.type : at,
    ...(n > 1 ? [`no. ${n}`] : []),
  ].join(' ')

/** Own provider for each: what a kill has left unasked must not answer the next. */
async function place(flow: Flow) {
  const provider = await startUpstream()
  onTestFinished(() => provider.close())
  provider.next(...(flow.provider ?? []))
  const directory = await data.copy()
  const environment = {
    ...data.environment(directory),
    ...flow.environment,
    OPENAI_BASE_URL: provider.baseUrl,
  }
  return { environment, provider }
}

async function killAt(flow: Flow, point: FlowPoint): Promise<void> {
  const { environment, provider } = await place(flow)
  const server = await servers.start({ environment, point })
  const url = server.url ?? ''
  const first = flow.first && (await ask(url, flow.first(data)))
  if (first) await provider.arrived(1)
  const asked = flow.asks(data, first)
  const got = await ask(url, asked)
  expect(await server.died).toEqual({ reached: true })
  const again = await finished(environment, asked, point.ends ?? flow, point.swept)
  // What was answered before the kill is answered again.
  if (got && flow.name === 'invoke') expect(again).toBe(got.text)
}

/** Opens the data, repeats the request, and looks for its one effect. */
async function finished(
  environment: Record<string, string>,
  asked: Asked,
  outcome: Outcome,
  swept: boolean | undefined,
): Promise<string> {
  const base = await seededUntil()
  const app = await openApp(environment)
  try {
    await quiet(app)
    if (swept) expect(effectsOf(await logOf(app, base))).toEqual(outcome.effects)
    const { status, text } = await askApp(app, asked)
    expect({ status, text }).toEqual({ status: outcome.status, text: expect.any(String) })
    await quiet(app)
    expect(effectsOf(await logOf(app, base))).toEqual(outcome.effects)
    const mustNotAppear = [...data.secrets, NEW_EMAIL, NEW_PASSWORD, PROMPT]
    await expectInvariants(app, { quiet: true, mustNotAppear })
    return text
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

async function killTwice({ flow, left, agoMs = 0, ends }: Recovery, point: CrashPoint) {
  const { environment } = await place(flow)
  const asked = flow.asks(data)
  const first = await servers.start({ environment, point: left, clockOffsetMs: -agoMs })
  await ask(first.url ?? '', asked)
  expect(await first.died).toEqual({ reached: true })
  const second = await servers.start({ environment, point })
  expect(await second.died).toEqual({ reached: true })
  await finished(environment, asked, ends, true)
}

/** Declares the tests; what they share is made before the first of them. */
export function killAtEveryPoint(flows: readonly Flow[], recoveries: readonly Recovery[]): void {
  beforeAll(async () => {
    servers = crashServers()
    upstream = await startUpstream()
    data = await prepareData(upstream)
  }, 30_000)
  afterAll(async () => {
    await servers.close()
    await upstream.close()
    await data.remove()
    head = undefined
  })
  describe.each(flows)('$name', (flow) => {
    test.each(flow.points.map((point) => [nameOf(point), point] as const))('%s', (_name, point) =>
      killAt(flow, point),
    )
  })
  describe.each(recoveries)('a start killed while $name', (recovery) => {
    test.each(recovery.points.map((point) => [nameOf(point), point] as const))(
      '%s',
      (_name, point) => killTwice(recovery, point),
    )
  })
}
