/**
 * Prometheus metrics on their own private port. prom-client is loaded only when somebody listens, and
 * until then nothing is counted. Labels are route patterns, statuses and names from the code: their sets
 * are bounded, and no id, address or text of anybody is ever one.
 */
import { createServer, type Server } from 'node:http'
import type { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Deps } from '../commands/deps.ts'
import type { Leases } from '../commands/lease.ts'
import type { LogEnd } from '../commands/log-end.ts'
import type { Engine } from '../ports/engine.ts'
import { BEFORE_ALL, type Position, type StoredEvent } from '../ports/event-store.ts'
import { listMails } from '../projections/mails.ts'
import { listPaddleEvents } from '../projections/paddle-events.ts'
import { openHolds } from '../projections/open-holds.ts'
import type { Runner } from '../projections/runner.ts'

type PromClient = typeof import('prom-client')

/** Open holds are counted up to here: more calls than that never run at once. */
const MAX_COUNTED = 10_000
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export interface ServedRequest {
  readonly route: string
  readonly method: string
  readonly status: number
  readonly latencyMs: number
}

export interface Metrics {
  served(request: ServedRequest): void
  /** Requests that will never have a usage record. */
  readonly usageDropped: (requests: number) => void
  readonly denialsDropped: (denials: number) => void
  /** Opens the port; undefined where it is 0. @throws where the port is taken. */
  listen(host: string, port: number): Promise<string | undefined>
  close(): Promise<void>
}

export interface MetricsDeps {
  readonly engine: Pick<Engine, 'events' | 'jobs' | 'health'>
  readonly runner: Pick<Runner, 'status' | 'onEvents'>
  readonly deps: Pick<Deps, 'views' | 'passwords'> & {
    readonly limits: Pick<Deps['limits'], 'countedAlone'>
    readonly floods: Pick<Deps['floods'], 'lostInAll'>
  }
  readonly logEnd: Pick<LogEnd, 'unseenMs'>
  readonly leases: Pick<Leases, 'held'>
  /** Names of the job queues. */
  readonly queues?: readonly string[]
}

export function createMetrics(sources: MetricsDeps): Metrics {
  let counted: Counted | undefined
  let server: Server | undefined
  return {
    served(request) {
      counted?.served(request)
    },
    usageDropped(requests) {
      counted?.usageDropped.inc(requests)
    },
    denialsDropped(denials) {
      counted?.denialsDropped.inc(denials)
    },
    async listen(host, port) {
      if (port === 0) return undefined
      const client = (await import('prom-client')).default
      const registry = new client.Registry()
      const all = counters(client, registry)
      gauges(client, registry, sources)
      client.collectDefaultMetrics({ register: registry })
      // What is in the log already is history: counters count what happens from now on.
      const head = await sources.engine.events.head()
      sources.runner.onEvents((events) => countEvents(all, events, head))
      server = await serve(registry, host, port)
      counted = all
      return `http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics`
    },
    async close() {
      counted = undefined
      const open = server
      server = undefined
      if (!open) return
      open.closeAllConnections()
      await new Promise((resolve) => open.close(resolve))
    },
  }
}

interface Counted {
  readonly served: (request: ServedRequest) => void
  readonly usageDropped: Counter
  readonly denialsDropped: Counter
  readonly ended: Counter<'end' | 'reason' | 'practice'>
  readonly tokens: Counter<'class'>
  readonly bytes: Counter<'part'>
  readonly cost: Counter
  readonly events: Counter<'type'>
  readonly missed: Counter
}

function counters(client: PromClient, registry: Registry): Counted {
  const registers = [registry]
  const seconds: Histogram<'route' | 'method' | 'status'> = new client.Histogram({
    name: 'daybook_http_request_duration_seconds',
    help: 'Time to answer a request, by route pattern.',
    labelNames: ['route', 'method', 'status'],
    buckets: SECONDS,
    registers,
  })
  return {
    served: ({ route, method, status, latencyMs }) =>
      seconds.observe({ route, method: knownMethod(method), status }, latencyMs / 1_000),
    usageDropped: new client.Counter({
      name: 'daybook_usage_records_dropped_total',
      help: 'Requests without a usage record, because the log did not take it.',
      registers,
    }),
    denialsDropped: new client.Counter({
      name: 'daybook_denials_dropped_total',
      help: 'Refusals that were not written down, because the log did not take them.',
      registers,
    }),
    ended: new client.Counter({
      name: 'daybook_invocations_ended_total',
      help: 'Calls by their end.',
      labelNames: ['end', 'reason', 'practice'],
      registers,
    }),
    tokens: new client.Counter({
      name: 'daybook_tokens_total',
      help: 'Tokens of ended calls by class.',
      labelNames: ['class'],
      registers,
    }),
    bytes: new client.Counter({
      name: 'daybook_content_bytes_total',
      help: 'Bytes of text that went into calls and came out of them.',
      labelNames: ['part'],
      registers,
    }),
    cost: new client.Counter({
      name: 'daybook_spend_cost_dollars_total',
      help: 'What the providers take for calls that were settled; made-up answers cost nothing.',
      registers,
    }),
    events: new client.Counter({
      name: 'daybook_events_total',
      help: 'Events of the log by type.',
      labelNames: ['type'],
      registers,
    }),
    missed: new client.Counter({
      name: 'daybook_payment_messages_missed_total',
      help: 'Messages of the payment provider that were found in its list and had not reached us.',
      registers,
    }),
  }
}

const METHODS = new Set(['GET', 'POST', 'PATCH', 'PUT', 'DELETE', 'HEAD', 'OPTIONS'])
const knownMethod = (method: string): string => (METHODS.has(method) ? method : 'other')

const ENDS: Readonly<Record<string, string>> = {
  InvocationCompleted: 'completed',
  InvocationFailed: 'failed',
  InvocationCanceled: 'canceled',
}

/** Fields of the stored contracts that are counted, absent where an event has none. */
interface CountedData {
  readonly reason?: string
  readonly of?: { readonly practice: boolean }
  readonly usage?: { readonly quantities?: Readonly<Record<string, number>> }
  readonly input?: { readonly size: number }
  readonly messages?: { readonly size: number }
  readonly output?: { readonly size: number }
  readonly costNanos?: string
  readonly practice?: true
  readonly missed?: number
}

function countEvents(all: Counted, events: readonly StoredEvent[], after: Position) {
  for (const { type, data, position } of events) {
    if (position <= after) continue
    all.events.inc({ type })
    if (type === 'HoldSettled') countCost(all, data)
    if (type === 'ReconciliationReached') all.missed.inc((data as CountedData).missed ?? 0)
    const end = ENDS[type]
    if (end === undefined && type !== 'InvocationAccepted') continue
    const { reason, of, usage, ...parts } = data as CountedData
    if (end !== undefined)
      all.ended.inc({ end, reason: reason ?? '', practice: String(of?.practice ?? false) })
    for (const [name, quantity] of Object.entries(usage?.quantities ?? {}))
      all.tokens.inc({ class: name }, quantity)
    for (const part of ['input', 'messages', 'output'] as const)
      if (parts[part]) all.bytes.inc({ part }, parts[part].size)
  }
}

function countCost({ cost }: Counted, { costNanos = '0', practice }: CountedData) {
  if (!practice) cost.inc(Number(costNanos) / 1e9)
}

/** What is looked up when somebody asks. A store that does not answer leaves its figures out. */
function gauges(client: PromClient, registry: Registry, sources: MetricsDeps) {
  const gauge = <L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    collect: (gauge: Gauge<L>) => void | Promise<void>,
  ) =>
    new client.Gauge({
      name: `daybook_${name}`,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        // Without labels a reset would leave a 0, which is a figure.
        const forget = () => (labelNames.length > 0 ? this.reset() : this.remove())
        forget()
        try {
          await collect(this)
        } catch {
          forget()
        }
      },
    })
  ofTheLog(gauge, sources)
  ofTheWork(gauge, sources)
  ofTheProcess(gauge, sources)
}

type MakeGauge = <L extends string>(
  name: string,
  help: string,
  labelNames: readonly L[],
  collect: (gauge: Gauge<L>) => void | Promise<void>,
) => unknown

function ofTheLog(gauge: MakeGauge, { engine, runner, logEnd }: MetricsDeps) {
  gauge('log_head', 'Position of the last event of the log.', [], async (one) => {
    const position = await engine.events.head()
    one.set(Number(position === BEFORE_ALL ? 0n : position))
  })
  gauge(
    'log_end_unseen_seconds',
    'Seconds since this process was last sure to have seen the end of the log.',
    [],
    (one) => one.set(logEnd.unseenMs() / 1_000),
  )
  gauge(
    'projection_lag',
    'Positions between the end of the log and what the view has.',
    ['projection'],
    async (one) => {
      const head = await engine.events.head()
      for (const { name, checkpoint } of runner.status())
        one.set({ projection: name }, Number(head - checkpoint))
    },
  )
  gauge('projection_stopped', '1 where a view stands still.', ['projection'], (one) => {
    for (const { name, stopped } of runner.status())
      one.set({ projection: name }, stopped === undefined ? 0 : 1)
  })
}

function ofTheWork(gauge: MakeGauge, { engine, deps, queues = [] }: MetricsDeps) {
  gauge(
    'open_holds',
    `Calls whose hold is open, counted up to ${MAX_COUNTED}.`,
    [],
    async (one) => {
      const open = await deps.views.find(openHolds, {
        index: 'placed',
        equals: { open: 1 },
        limit: MAX_COUNTED,
      })
      one.set(open.items.length)
    },
  )
  const waiting = (limit: number) => listMails(deps.views, { state: 'waiting', limit })
  gauge('mails_waiting', `Mails not yet sent, counted up to ${MAX_COUNTED}.`, [], async (one) =>
    one.set((await waiting(MAX_COUNTED)).items.length),
  )
  gauge(
    'mail_waiting_since_seconds',
    'When the oldest mail that is not yet sent was asked for; absent where none waits.',
    [],
    async (one) => {
      const [oldest] = (await waiting(1)).items
      if (oldest) one.set(Date.parse(oldest.requestedAt) / 1_000)
    },
  )
  gauge(
    'payment_messages',
    `Messages of the payment provider that are still to be applied, counted up to ${MAX_COUNTED}.`,
    ['status'],
    async (one) => {
      for (const status of ['received', 'parked'] as const) {
        const wish = { by: 'status', value: status, limit: MAX_COUNTED } as const
        one.set({ status }, (await listPaddleEvents(deps.views, wish)).items.length)
      }
    },
  )
  gauge('jobs', 'Jobs by queue and state.', ['queue', 'state'], async (one) => {
    for (const queue of queues)
      for (const [state, count] of Object.entries(await engine.jobs.counts(queue)))
        one.set({ queue, state }, count)
  })
}

function ofTheProcess(gauge: MakeGauge, { engine, deps, leases }: MetricsDeps) {
  gauge('dependency_up', '1 where a store answers.', ['service'], async (one) => {
    for (const { service, ok } of await engine.health()) one.set({ service }, ok ? 1 : 0)
  })
  gauge('lease_held', '1 where this process does what one of several does.', ['lease'], (one) => {
    for (const { name, held } of leases.held()) one.set({ lease: name }, held ? 1 : 0)
  })
  gauge(
    'limits_counted_alone',
    'Requests whose limits this process counted for itself.',
    [],
    (one) => one.set(deps.limits.countedAlone()),
  )
  gauge(
    'telegram_updates_lost',
    'Updates that this process did not take, because they were too much of their sender.',
    [],
    (one) => one.set(deps.floods.lostInAll()),
  )
  gauge('password_hashes', 'Password hashes by state.', ['state'], (one) => {
    for (const [state, count] of Object.entries(deps.passwords.load?.() ?? {}))
      one.set({ state }, count)
  })
}

function serve(registry: Registry, host: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) =>
        response.writeHead(500).end(error instanceof Error ? error.name : 'failed'),
    )
  })
  server.unref()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => resolve(server))
  })
}
