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
import { BEFORE_ALL, type Position } from '../ports/event-store.ts'
import type { Runner } from '../projections/runner.ts'
import { type AnyRoute, route } from './route.ts'

/** Whoever asks waits so long for the views to have what is in the log now. */
const CATCH_UP_MS = 1_000
/** Views that have needed longer for it are behind. Under load, and beside another release, some lag is usual. */
const BEHIND_AFTER_MS = 5_000

export interface HealthSources {
  readonly engine: Pick<Engine, 'health' | 'events'>
  readonly runner: Pick<Runner, 'status'>
  readonly logEnd: Pick<LogEnd, 'unseenMs'>
  readonly stopping: AbortSignal
  /** Settings that published models name and this process lacks. */
  readonly missingKeys?: () => Promise<readonly string[]>
  /** Subscriptions at a payment provider that nobody hears. */
  readonly hasUnheard?: () => Promise<boolean>
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
  const lag = lagOf(deps.views, sources.engine)
  const checks = async () => {
    // At once: whoever asks shall send nobody here any more.
    if (sources.stopping.aborted) return [verdict('process', 'it is stopping')]
    // Those who ask at the same time share one look at the stores: anybody may ask.
    return (asked ??= checksOf(deps, sources, lag).finally(() => (asked = undefined)))
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
  { logger }: HealthDeps,
  { engine, runner, logEnd, ...noted }: HealthSources,
  lag: () => Promise<Check>,
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
    await lag(),
    ...(await notes(logger, noted)),
  ]
}

/** No reasons to send nobody here: models whose keys this process has can be called. */
async function notes(
  logger: HealthDeps['logger'],
  { missingKeys, hasUnheard }: Pick<HealthSources, 'missingKeys' | 'hasUnheard'>,
): Promise<Check[]> {
  const note = (name: string, why: string): Check => ({ name, ok: true, why })
  try {
    const missing = (await missingKeys?.()) ?? []
    const unheard = (await hasUnheard?.()) ?? false
    return [
      ...(missing.length > 0
        ? [note('providers', 'published models name providers that are not set in this process')]
        : []),
      ...(unheard
        ? [
            note(
              'billing',
              'a payment provider that is not set keeps subscriptions of organizations',
            ),
          ]
        : []),
    ]
  } catch (error) {
    logger.debug({ error }, 'models and subscriptions could not be looked at')
    return []
  }
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

/** Whether the views keep up: once they have had what was there at a look, they may lag a little. */
function lagOf(views: Deps['views'], engine: HealthSources['engine']): () => Promise<Check> {
  /** Where the log ended at an earlier look, which the views had not reached then. */
  let goal: { readonly head: Position; readonly at: number } | undefined
  let reached = false
  let before: Position = BEFORE_ALL
  return async () => {
    try {
      const at = performance.now()
      const head = await engine.events.head()
      const caughtUp = await views.passed(head, CATCH_UP_MS)
      const position = views.position()
      // Lost, and made anew.
      if (position < before) reached = false
      before = position
      if (caughtUp || (goal && position >= goal.head)) reached = true
      if (caughtUp) goal = undefined
      else if (!goal || position >= goal.head) goal = { head, at }
      const behind = goal && !(reached && performance.now() - goal.at < BEHIND_AFTER_MS)
      const why = `at position ${position} of ${head}, still catching up`
      return verdict('views', behind ? why : undefined)
    } catch {
      return verdict('views', 'the end of the log cannot be read')
    }
  }
}
