/** The process itself: how soon it is ready, and how much memory it takes. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { business, FAST, rawRequest, serving, withHelpers } from '../business.ts'
import { startProduct } from '../children.ts'
import type { Loaded } from '../children/load.ts'
import { type Bench, inTurns, median, percentile, rowOf, type Row } from '../harness.ts'
import type { Settings } from '../harness.ts'
import { residentMb } from '../system.ts'
import { renames } from './commands.ts'

async function start(settings: Settings): Promise<Row[]> {
  const { dataDir } = await business(settings)
  const cache = { NODE_COMPILE_CACHE: settings.folder() }
  const copy = join(settings.folder(), 'data')
  cpSync(dataDir, copy, { recursive: true })
  const readyMs = async () => {
    const product = await startProduct(copy, cache)
    await product.stop()
    return product.readyMs
  }
  // The first start fills the cache, at its end.
  const cold = await readyMs()
  const compared = await inTurns(
    settings.rounds,
    async () => ({ value: await readyMs() }),
    async () => {
      const begun = performance.now()
      spawnSync(process.execPath, ['-e', ''])
      return { value: performance.now() - begun }
    },
  )
  const given = {
    name: 'start',
    unit: 'ms until ready',
    besideName: 'node -e ""',
    target: { of: 'ratio', most: 8 },
    notes: `compile cache warm; ${cold.toFixed(0)} ms without`,
  } as const
  return [rowOf(given, compared)]
}

/** A node that does nothing but live. */
async function bareMb(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'ignore' })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  await delay(500)
  const megabytes = residentMb(child.pid ?? 0)
  const ended = once(child, 'exit')
  kill()
  await ended
  process.off('exit', kill)
  return megabytes
}

async function memory(settings: Settings): Promise<Row[]> {
  const { fastAgent } = await business(settings)
  const loadMs = settings.quick ? 4_000 : 20_000
  return withHelpers(['load', 'load', 'upstream'], async (commands, streams, provider) => {
    if (!commands || !streams || !provider) throw new Error('no helpers')
    const product = await serving(settings, await provider.ask<number>({}))
    const { pid, port, token } = product
    try {
      const bare = await bareMb()
      const idle: number[] = []
      for (let n = 0; n < (settings.quick ? 10 : 50); n++) {
        await delay(100)
        idle.push(residentMb(pid))
      }
      const body = { input: 'what is a daybook?', stream: true }
      const stream = rawRequest(`POST /agents/${fastAgent}/invoke`, body, token)
      const ended = { yet: false }
      const load = Promise.all([
        commands.ask<Loaded>({
          port,
          requests: await renames(settings, product),
          connections: 64,
          ms: loadMs,
        }),
        streams.ask<Loaded>({ port, requests: [stream], connections: 32, ms: loadMs }),
      ]).finally(() => (ended.yet = true))
      load.catch(() => undefined)
      const busy: number[] = []
      while (!ended.yet) {
        await delay(100)
        busy.push(residentMb(pid))
      }
      const [one, two] = await load
      const sound = one.failed + two.failed === 0
      const compared = (value: number) => ({
        ours: { value },
        beside: { value: bare },
        ratios: [value / bare],
      })
      const besideName = 'a node that does nothing'
      const common = { unit: 'MB resident', besideName }
      const done64 = `${one.done} commands and ${two.done} streams (${FAST}) in ${loadMs / 1_000} s`
      return [
        rowOf(
          { name: 'memory-idle', ...common, target: { of: 'ours', most: 150 } },
          compared(median(idle)),
        ),
        rowOf(
          {
            name: 'memory-load',
            ...common,
            target: { of: 'ours', most: 512 },
            notes: `largest while ${done64}, ${one.failed + two.failed} failed; median ${percentile(busy, 0.5).toFixed(0)} MB`,
          },
          compared(Math.max(...busy)),
          sound,
        ),
      ]
    } finally {
      await product.stop()
    }
  })
}

export const processRows: readonly Bench[] = [
  { names: ['start'], title: 'ready to answer, compile cache warm', run: start },
  { names: ['memory-idle', 'memory-load'], title: 'memory, idle and under load', run: memory },
]
