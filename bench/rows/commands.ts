/** A command over HTTP, whole: token, validation, fold, durable append, log line; and its memory. */
import {
  assertSound,
  business,
  rawRequest,
  type Running,
  serving,
  withHelpers,
} from '../business.ts'
import type { Load, Loaded } from '../children/load.ts'
import { type Bench, inTurns, rowOf, type Sample, type Settings } from '../harness.ts'

const CONNECTIONS = 64
const WARM_UP_MS = 1_000

/** Each connection renames its own agent, to another name each time. */
export async function renames(settings: Settings, { token }: Running): Promise<string[]> {
  const { agents } = await business(settings)
  const body = { name: 'Agent ########' }
  return agents.map((agent) => rawRequest(`PATCH /agents/${agent}`, body, token))
}

const sampleOf = (loaded: Loaded): Sample => {
  assertSound(loaded)
  return { value: loaded.perSecond, ...loaded.whole }
}

async function overHttp(settings: Settings) {
  return withHelpers(['load', 'raw-post'], async (load, raw) => {
    if (!load || !raw) throw new Error('no helpers')
    const rawPort = await raw.ask<number>({})
    const { turnMs } = settings
    const run = (work: Load) => load.ask<Loaded>(work)
    const warmed = async (port: number, requests: string[]) => {
      const work = { port, requests, connections: CONNECTIONS }
      assertSound(await run({ ...work, ms: WARM_UP_MS }))
      return sampleOf(await run({ ...work, ms: turnMs }))
    }
    const compared = await inTurns(
      settings.serverRounds,
      async () => {
        const product = await serving(settings)
        try {
          return await warmed(product.port, await renames(settings, product))
        } finally {
          await product.stop()
        }
      },
      () => warmed(rawPort, [rawRequest('POST /command', { name: 'Agent ########' })]),
    )
    return [
      rowOf(
        {
          name: 'command-http',
          unit: 'requests/s',
          besideName: 'raw node:http POST, checked by hand',
          target: { of: 'ratio', least: 0.5 },
          notes: `PATCH /agents/{id}, ${CONNECTIONS} connections; raw p50 ${compared.beside.p50?.toFixed(2)} ms; views and usage records are kept meanwhile`,
        },
        compared,
      ),
    ]
  })
}

export const commandRows: readonly Bench[] = [
  { names: ['command-http'], title: 'a command over HTTP, 64 connections', run: overHttp },
]
