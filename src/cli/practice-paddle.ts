/** Runs the practice Paddle in this process, with the key and the secret of the settings, until it is stopped. */
import { once } from 'node:events'
import { readConfig } from '../config.ts'
import { OperationFailed } from './operation.ts'

export interface PracticeOptions {
  readonly port: string
  readonly url: string
  readonly price?: readonly string[]
}

const PRICE = /^(pri_[A-Za-z0-9_-]{1,60})=([1-9]\d{0,11}):([A-Z]{3})(?::(day|week|month|year))?$/

/** @throws OperationFailed */
export async function practise({ port, url, price = [] }: PracticeOptions): Promise<void> {
  const { PADDLE_API_KEY: apiKey, PADDLE_WEBHOOK_SECRET: secret } = readConfig()
  if (apiKey === undefined || secret === undefined)
    throw new OperationFailed('PADDLE_API_KEY and PADDLE_WEBHOOK_SECRET have to be set', 78)
  const prices = price.map(priceOf)
  if (prices.length === 0) throw new OperationFailed('say what is sold: --price', 64)
  const { startPracticePaddle } = await import('../app.ts')
  const receiver = { url: new URL('/webhooks/paddle', url).href, secrets: [secret] }
  const paddle = await startPracticePaddle({ prices, apiKey, receiver, port: Number(port) })
  process.stdout.write(`A practice Paddle listens on ${paddle.url} and tells ${receiver.url}\n`)
  const stop = new AbortController()
  const { signal } = stop
  await Promise.race([once(process, 'SIGINT', { signal }), once(process, 'SIGTERM', { signal })])
  stop.abort()
  await paddle.close()
}

function priceOf(text: string) {
  const [, id = '', amount = '', currency = '', interval] = PRICE.exec(text) ?? []
  if (id === '')
    throw new OperationFailed(`--price ${text}: not ID=AMOUNT:CURRENCY[:day|week|month|year]`, 64)
  const cycle = interval as 'day' | 'week' | 'month' | 'year' | undefined
  return { id, amount, currency, ...(cycle ? { cycle: { interval: cycle, frequency: 1 } } : {}) }
}
