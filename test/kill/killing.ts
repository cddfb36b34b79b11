/**
 * Kills a server at every point of flows, and at every point of the starts that take up what a kill has
 * left; opens the data again, repeats the request, and looks for its one effect.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { App } from '../../src/app.ts'
import {
  askApp,
  type CrashData,
  crashData,
  effectsOf,
  expectInvariants,
  logOf,
  quiet,
} from '../support/crash-data.ts'
import type { CrashPoint } from '../support/crash-server.ts'
import type { KillEngine, Site, Sites } from '../support/kill-engines.ts'
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

const nameOf = ({ at, n = 1, ...point }: CrashPoint): string =>
  [
    'when' in point ? point.when : 'at',
    'type' in point ? point.type : at,
    ...(n > 1 ? [`no. ${n}`] : []),
  ].join(' ')

/** What all kills of a suite share. */
interface Ground {
  readonly engine: KillEngine
  readonly servers: ReturnType<typeof crashServers>
  readonly sites: Sites<CrashData>
}

interface Place {
  readonly site: Site<CrashData>
  /** Own provider for each: what a kill has left unasked must not answer the next. */
  readonly provider: Upstream
  readonly environment: Readonly<Record<string, string>>
}

async function inPlace<T>(
  { sites }: Ground,
  flow: Flow,
  use: (place: Place) => Promise<T>,
): Promise<T> {
  const site = await sites.fresh()
  const provider = await startUpstream()
  try {
    provider.next(...(flow.provider ?? []))
    const { baseUrl: OPENAI_BASE_URL, apiKey: OPENAI_API_KEY } = provider
    const own = { OPENAI_BASE_URL, OPENAI_API_KEY }
    const environment = { ...site.environment, ...flow.environment, ...own }
    return await use({ site, provider, environment })
  } finally {
    await provider.close()
    await site.remove()
  }
}

const killAt = (ground: Ground, flow: Flow, point: FlowPoint): Promise<void> =>
  inPlace(ground, flow, async (place) => {
    const { site, provider, environment } = place
    const server = await ground.servers.start({ environment, point })
    const url = server.url ?? ''
    const first = flow.first && (await ask(url, flow.first(site.seeded)))
    if (first) await provider.arrived(1)
    const asked = flow.asks(site.seeded, first)
    const got = await ask(url, asked)
    expect(await server.died).toEqual({ reached: true })
    const again = await finished(ground, place, asked, point.ends ?? flow, point.swept)
    // What was answered before the kill is answered again.
    if (got && flow.name === 'invoke') expect(again).toBe(got.text)
  })

/** Opens the data, repeats the request, and looks for its one effect. */
async function finished(
  { engine }: Ground,
  { site: { seeded, head }, environment }: Place,
  asked: Asked,
  outcome: Outcome,
  swept: boolean | undefined,
): Promise<string> {
  const effects = async (app: App) => effectsOf(await logOf(app, head))
  const app = await engine.open(environment)
  try {
    await quiet(app)
    if (swept) expect(await effects(app)).toEqual(outcome.effects)
    const { status, text } = await askApp(app, asked)
    expect({ status, text }).toEqual({ status: outcome.status, text: expect.any(String) })
    await quiet(app)
    expect(await effects(app)).toEqual(outcome.effects)
    const mustNotAppear = [...seeded.secrets, NEW_EMAIL, NEW_PASSWORD, PROMPT]
    await expectInvariants(app, { quiet: true, mustNotAppear })
    return text
  } finally {
    await app.stop()
  }
}

const killTwice = (ground: Ground, recovery: Recovery, point: CrashPoint): Promise<string> =>
  inPlace(ground, recovery.flow, async (place) => {
    const { flow, left, agoMs = 0, ends } = recovery
    const { environment, site } = place
    const { servers, engine } = ground
    const asked = flow.asks(site.seeded)
    const first = await servers.start({ environment, point: left, clockOffsetMs: -agoMs })
    await ask(first.url ?? '', asked)
    expect(await first.died).toEqual({ reached: true })
    const second = await servers.start({ environment, point, clockOffsetMs: engine.apartMs })
    expect(await second.died).toEqual({ reached: true })
    return finished(ground, place, asked, ends, true)
  })

/** Declares the tests; what they share is made before the first of them. */
export function killAtEveryPoint(
  engine: KillEngine,
  flows: readonly Flow[],
  recoveries: readonly Recovery[],
): void {
  let ground: Ground
  beforeAll(() => {
    const servers = crashServers(engine.name)
    ground = { engine, servers, sites: engine.sites(crashData) }
  })
  afterAll(async () => {
    await ground.servers.close()
    await ground.sites.close()
  })
  describe.each(flows)('$name', engine.suite, (flow) => {
    test.each(flow.points.map((point) => [nameOf(point), point] as const))(
      '%s',
      async (_name, point) => killAt(ground, flow, point),
    )
  })
  describe.each(recoveries)('a start killed while $name', engine.suite, (recovery) => {
    test.each(recovery.points.map((point) => [nameOf(point), point] as const))(
      '%s',
      async (_name, point) => {
        await killTwice(ground, recovery, point)
      },
    )
  })
}
