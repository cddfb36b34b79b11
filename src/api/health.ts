/**
 * For whoever decides whether this process gets traffic: alive, and ready or why not. Ready means that
 * every store answers, no view stands still, and the views keep up with the log. Anybody may ask, so what
 * a driver says of its server is only logged.
 */
import { z } from 'zod'
import { type AccessRule, END_UNSEEN_MS } from '../commands/access.ts'
import type { Deps } from '../commands/deps.ts'
import type { LogEnd } from '../commands/log-end.ts'
import type { Engine } from '../ports/engine.ts'
import type { Runner } from '../projections/runner.ts'
import { type AnyRoute, route } from './route.ts'

/** Views that need longer for what is in the log now are behind. */
const CATCH_UP_MS = 1_000

export interface HealthSources {
  readonly engine: Pick<Engine, 'health' | 'events'>
  readonly runner: Pick<Runner, 'status'>
  readonly logEnd: Pick<LogEnd, 'unseenMs'>
  readonly stopping: AbortSignal
}

const check = z.strictObject({
  name: z.string(),
  ok: z.boolean(),
  why: z.exactOptional(z.string()),
})
type Check = z.output<typeof check>
const health = z.strictObject({ status: z.enum(['ready', 'not_ready']), checks: z.array(check) })

const access = (action: string): AccessRule => ({
  actor: 'anyone',
  resource: 'health',
  action,
  limits: [],
})

type HealthDeps = Pick<Deps, 'views' | 'logger'>

export function healthRoutes(deps: HealthDeps, sources: HealthSources): AnyRoute[] {
  let asked: Promise<Check[]> | undefined
  const checks = async () => {
    // At once: whoever asks shall send nobody here any more.
    if (sources.stopping.aborted) return [verdict('process', 'it is stopping')]
    // Those who ask at the same time share one look at the stores: anybody may ask.
    return (asked ??= checksOf(deps, sources).finally(() => (asked = undefined)))
  }
  return [
    route({
      method: 'GET',
      path: '/health/live',
      tag: 'operations',
      summary: 'Is the process alive',
      access: access('live'),
      answers: {
        200: { description: 'Alive.', schema: z.strictObject({ status: z.literal('alive') }) },
      },
      handler: () => ({ body: { status: 'alive' } }),
    }),
    route({
      method: 'GET',
      path: '/health/ready',
      tag: 'operations',
      summary: 'Can it serve, and if not, why not',
      access: access('ready'),
      answers: {
        200: { description: 'Ready.', schema: health },
        503: { description: 'Not ready; `checks` say what and why.', schema: health },
      },
      handler: async () => {
        const found = await checks()
        const ready = found.every(({ ok }) => ok)
        return {
          status: ready ? 200 : 503,
          body: { status: ready ? 'ready' : 'not_ready', checks: found },
          ...(ready ? {} : { headers: { 'retry-after': '1' } }),
        }
      },
    }),
  ]
}

async function checksOf(
  { views, logger }: HealthDeps,
  { engine, runner, logEnd }: HealthSources,
): Promise<Check[]> {
  const services = await engine.health()
  for (const { service, ok, detail } of services)
    if (!ok) logger.warn({ service, detail }, 'not ready')
  const stopped = Map.groupBy(runner.status(), (one) => one.stopped)
  return [
    verdict('process', undefined),
    ...services.map(({ service, ok, why = 'it does not answer as it should' }) =>
      verdict(service, ok ? undefined : why),
    ),
    ...standing(stopped),
    verdict('end of the log', endUnseen(logEnd.unseenMs())),
    await lag(views, engine),
  ]
}

const verdict = (name: string, why: string | undefined): Check =>
  why === undefined ? { name, ok: true } : { name, ok: false, why: why.slice(0, 300) }

/** What stands still for one reason is one check. */
const standing = (
  byReason: ReadonlyMap<string | undefined, readonly { name: string }[]>,
): Check[] =>
  [...byReason].flatMap(([why, [first, ...more]]) => {
    if (why === undefined || first === undefined) return []
    return more.length === 0
      ? verdict(`projection ${first.name}`, `it stands still: ${why}`)
      : verdict(`${more.length + 1} projections`, `they stand still: ${why}`)
  })

const endUnseen = (ms: number): string | undefined =>
  ms <= END_UNSEEN_MS ? undefined : `not seen for ${Math.floor(ms / 1_000)} s`

async function lag(views: Deps['views'], engine: HealthSources['engine']): Promise<Check> {
  try {
    const head = await engine.events.head()
    const caughtUp = await views.passed(head, CATCH_UP_MS)
    return verdict(
      'views',
      caughtUp ? undefined : `at position ${views.position()} of ${head}, still catching up`,
    )
  } catch {
    return verdict('views', 'the end of the log cannot be read')
  }
}
