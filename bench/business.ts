/**
 * A business that can sell: made once by the command line and the public API, then copied, so that every
 * round begins on fresh files.
 */
import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { daybook, type Helper, type Product, startHelper, startProduct } from './children.ts'
import type { Loaded } from './children/load.ts'
import type { Settings } from './harness.ts'

const PASSWORD = 'correct-horse-battery-staple-47'
export const AGENTS = 64
const ADMINISTRATOR = 'administrator@example.com'
export const PEOPLE = 8
/** Chunks and milliseconds between them; see children/upstream.ts. */
export const FAST = 'bench-50-0'
export const SLOW = 'bench-100-100'

export interface Business {
  readonly dataDir: string
  readonly orgId: string
  readonly userId: string
  /** Each with one connection's commands. */
  readonly agents: readonly string[]
  readonly fastAgent: string
  readonly slowAgent: string
}

const emailOf = (person: number) => `person-${person}@example.com`

export interface Running extends Product {
  readonly token: string
}

let made: Promise<Business> | undefined
export const business = (settings: Settings): Promise<Business> => (made ??= make(settings))

async function make(settings: Settings): Promise<Business> {
  settings.progress('making a business: models, prices, a plan, people, credit, agents')
  const folder = settings.folder()
  const dataDir = join(folder, 'data')
  const operator = (words: string[], input = '') => daybook(dataDir, words, input)
  const publish = (noun: string, content: object) => {
    const file = join(folder, `${noun}.json`)
    writeFileSync(file, JSON.stringify(content))
    return operator([noun, 'publish', file])
  }
  const product = await startProduct(dataDir, provider(9))
  try {
    await operator(['admin', 'create', '--email', ADMINISTRATOR], PASSWORD)
    await widenLimits(product)
    for (const name of [FAST, SLOW]) await publish('model', modelOf(name))
    await publish('price', priceList)
    await publish('plan', plan)
    const register = async (person: number) => {
      const body = { email: emailOf(person), password: PASSWORD }
      await call(product, 'POST /auth/register', { body })
    }
    await Promise.all(Array.from({ length: PEOPLE }, (_, person) => register(person)))
    const { token, userId } = await signIn(product)
    const found = (await operator(['user', 'find', emailOf(0), '--json'])) as {
      personal_org_id: string
    }
    const orgId = found.personal_org_id
    const grant = ['credit', 'grant', orgId, '100000.00', '--reason', 'bench', '--kind', 'paid']
    await operator(grant)
    const agent = async (slug: string, model: string) => {
      const version = { prompt_template: 'Answer: {{input}}', model_name: model, max_tokens: 200 }
      const body = { slug, name: 'Agent 00000000', version: { ...version, variables: [INPUT] } }
      const { id } = await call<{ id: string }>(product, 'POST /agents', {
        token,
        body,
      })
      return id
    }
    const agents: string[] = []
    for (let n = 0; n < AGENTS; n++) agents.push(await agent(`agent-${n}`, FAST))
    const fastAgent = await agent('fast', FAST)
    const slowAgent = await agent('slow', SLOW)
    return { dataDir, orgId, userId, agents, fastAgent, slowAgent }
  } finally {
    await product.stop()
  }
}

interface PolicyPage {
  readonly items: readonly { id: string; kind: string }[]
}

/** Every limit is still taken for every request; none is reached by a load from one place. */
async function widenLimits(product: Product): Promise<void> {
  const body = { email: ADMINISTRATOR, password: PASSWORD }
  const { access_token: token } = await call<{ access_token: string }>(
    product,
    'POST /auth/login',
    {
      body,
    },
  )
  const { items } = await call<PolicyPage>(product, 'GET /admin/policies?limit=100', { token })
  for (const { id, kind } of items) {
    const change = kind === 'budget' ? { amount: '1000000' } : { limit: 1_000_000_000 }
    await call(product, `PATCH /admin/policies/${id}`, { token, body: change })
  }
}

const INPUT = { name: 'input', max_length: 10_000 }
const modelOf = (name: string) => ({
  name,
  provider: 'openai',
  context_size: 128_000,
  max_output: 16_000,
  encoding: 'o200k_base',
  parameters: { max_tokens: 'max_tokens', temperature: true },
  framing: { per_message: 4, per_request: 3 },
})
const figures = (amount: string) => ({
  input_uncached: amount,
  input_cached: amount,
  output: amount,
  reasoning: amount,
})
const priceList = {
  name: 'Bench prices',
  entries: [FAST, SLOW].map((model) => ({ model, cost: figures('0.10'), price: figures('0.20') })),
}
const plan = {
  name: 'Bench',
  slug: 'free',
  prices: { price_list: 'Bench prices' },
  grace_days: 0,
  free: true,
  agents: 'all',
  limits: {},
  self_subscribe: true,
}

/** Where the server finds its provider. */
const provider = (port: number) => ({
  OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
  OPENAI_API_KEY: 'sk-bench',
})

/** The server on a copy of the business, somebody signed in. */
export async function serving(settings: Settings, upstream: number = 9): Promise<Running> {
  const { dataDir } = await business(settings)
  const copy = join(settings.folder(), 'data')
  cpSync(dataDir, copy, { recursive: true })
  const product = await startProduct(copy, provider(upstream))
  const { token } = await signIn(product)
  return { ...product, token }
}

export async function signIn(product: Product): Promise<{ token: string; userId: string }> {
  const body = { email: emailOf(0), password: PASSWORD }
  const signedIn = await call<{ access_token: string; user: { id: string } }>(
    product,
    'POST /auth/login',
    { body },
  )
  return { token: signedIn.access_token, userId: signedIn.user.id }
}

export const credentials = (person: number) => ({
  email: emailOf(person % PEOPLE),
  password: PASSWORD,
})

export async function call<T = unknown>(
  { url }: Product,
  line: string,
  { token, body }: { token?: string; body?: object } = {},
): Promise<T> {
  const [method = 'GET', path = '/'] = line.split(' ')
  const answer = await fetch(url + path, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${line}: ${answer.status} ${text}`)
  return (text === '' ? undefined : JSON.parse(text)) as T
}

/** A request as bytes, for the load generator. */
export function rawRequest(line: string, body?: object, token?: string): string {
  const text = body === undefined ? '' : JSON.stringify(body)
  const head = [
    `${line} HTTP/1.1`,
    'host: 127.0.0.1',
    ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
    ...(text === '' ? [] : ['content-type: application/json', `content-length: ${text.length}`]),
  ]
  return `${head.join('\r\n')}\r\n\r\n${text}`
}

/** A load must not fail: a server that refuses quickly is not fast. */
export function assertSound({ failed, done, firstFailure }: Loaded): void {
  if (failed > 0) throw new Error(`${failed} of ${done} requests failed: ${firstFailure}`)
}

/** Helpers by name, stopped together. */
export async function withHelpers<T>(
  names: readonly string[],
  work: (...helpers: Helper[]) => Promise<T>,
): Promise<T> {
  const helpers = await Promise.all(names.map(startHelper))
  try {
    return await work(...helpers)
  } finally {
    await Promise.all(helpers.map((helper) => helper.stop()))
  }
}
