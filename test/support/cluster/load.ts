/**
 * Clients of a cluster. Each wishes something, asks any process of the role api for it, and asks again
 * with the same Idempotency-Key, perhaps elsewhere, until it has an answer that is no "later": what people
 * and their programs do. Every try is written down, and what a wish came to is what was acknowledged.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Asked } from '../servers.ts'
import { doneOf, type Tried, tryOnce } from './asking.ts'
import type { RoleProcess } from './process.ts'
import { PASSWORD, type Seeded, type Somebody, type Tenant } from './seed.ts'

/** Between two wishes, and between two tries, of one client. */
const THINKS_MS = 200
const AGAIN_MS = 250
/** A wish of a paused load is given up after this. */
const GIVES_UP_MS = 45_000
/** So long a lost answer to a refresh may be asked for again: 30 s, less what a request may take. */
export const REFRESH_AGAIN_MS = 25_000

/** What each client wishes, in turn: one that waits for a loss to end keeps no other from asking. */
const ofCallers = [
  ['invoke', 'stream'],
  ['stream', 'invoke'],
  ['async', 'async', 'cancel'],
  ['grant'],
  ['account', 'calls', 'me'],
] as const
const ofPeople = ['refresh', 'register', 'refresh', 'login'] as const
type OfCallers = (typeof ofCallers)[number][number]
type OfPeople = (typeof ofPeople)[number]
export type Kind = OfCallers | OfPeople
const reads: ReadonlySet<Kind> = new Set(['account', 'calls', 'me'])

export interface Wish {
  readonly n: number
  readonly kind: Kind
  readonly asked: Asked
  readonly tenant: Tenant | undefined
  readonly tries: Tried[]
  /** The answer that ended it; undefined: nobody knows what became of it. */
  got: Tried | undefined
}

export const PROMPT = 'Narwhal-6618 asks'

export class Load {
  readonly wishes: Wish[] = []
  readonly #seeded: Seeded
  readonly #apis: () => readonly RoleProcess[]
  #running: Promise<unknown> = Promise.resolve()
  #pausing = new AbortController()
  /** Calls that were accepted and that nobody waits for. */
  readonly #accepted: { tenant: Tenant; id: string }[] = []

  /** @param apis the processes that a balancer would send requests to */
  constructor(seeded: Seeded, apis: () => readonly RoleProcess[]) {
    this.#seeded = seeded
    this.#apis = apis
    this.#pausing.abort()
  }

  /** Goes on, unless it does. */
  resume(): void {
    if (!this.#pausing.signal.aborted) return
    this.#pausing = new AbortController()
    const { signal } = this.#pausing
    const { people } = this.#seeded
    const callers = ofCallers.map((kinds) => this.#caller(kinds, signal))
    this.#running = Promise.all([...callers, ...people.map((one) => this.#person(one, signal))])
  }

  /** Wishes nothing more; resolves when every wish has its answer, or was given up. */
  async pause(): Promise<void> {
    this.#pausing.abort()
    await this.#running
  }

  /** What was asked since a moment (and until another), whatever came of it. */
  triesBetween(from: number, to = Number.POSITIVE_INFINITY): (Tried & { readonly kind: Kind })[] {
    return this.wishes.flatMap(({ kind, tries }) =>
      tries
        .filter(({ begunAt }) => begunAt >= from && begunAt < to)
        .map((tried) => ({ ...tried, kind })),
    )
  }

  async #caller(kinds: readonly OfCallers[], until: AbortSignal): Promise<void> {
    const { tenants } = this.#seeded
    for (let turn = 0; !until.aborted; turn++) {
      const tenant = tenants[Math.floor(Math.random() * tenants.length)]
      const kind = kinds[turn % kinds.length]
      const asked = tenant && kind && this.#asked(kind, tenant)
      if (asked) await this.#settle({ kind, tenant, asked }, until)
      await pause(THINKS_MS)
    }
  }

  async #person(somebody: Somebody, until: AbortSignal): Promise<void> {
    for (let turn = 0; !until.aborted; turn++) {
      const kind = ofPeople[turn % ofPeople.length] ?? 'refresh'
      const wish = await this.#settle(
        { kind, tenant: undefined, asked: this.#askedBy(kind, somebody) },
        until,
      )
      const { status, text = '{}' } = wish.got ?? {}
      if (kind !== 'register' && status === 200)
        somebody.refreshToken = (JSON.parse(text) as { refresh_token: string }).refresh_token
      // Too late for the answer that was lost: the session has ended, and a new one begins.
      if (kind === 'refresh' && status === 401) await this.#signInAgain(somebody, until)
      await pause(4 * THINKS_MS)
    }
  }

  async #signInAgain(somebody: Somebody, until: AbortSignal): Promise<void> {
    const asked = this.#askedBy('login', somebody)
    const { got } = await this.#settle({ kind: 'login', tenant: undefined, asked }, until)
    if (got?.status === 200)
      somebody.refreshToken = (JSON.parse(got.text) as { refresh_token: string }).refresh_token
  }

  async #settle(
    { kind, asked, tenant }: Pick<Wish, 'kind' | 'asked' | 'tenant'>,
    until: AbortSignal,
  ): Promise<Wish> {
    const wish: Wish = { n: this.wishes.length, kind, asked, tenant, tries: [], got: undefined }
    this.wishes.push(wish)
    let pausedAt = until.aborted ? performance.now() : undefined
    until.addEventListener('abort', () => (pausedAt = performance.now()), { once: true })
    for (let next = Math.floor(Math.random() * 2); ; next++) {
      const apis = this.#apis()
      const api = apis[next % apis.length]
      if (api) {
        const tried = await tryOnce(api, asked)
        wish.tries.push(tried)
        if (isAnswer(tried) || reads.has(kind)) {
          wish.got = tried
          this.#learn(wish, tried)
          return wish
        }
      }
      if (pausedAt !== undefined && performance.now() - pausedAt > GIVES_UP_MS) return wish
      await pause(AGAIN_MS)
    }
  }

  #learn({ kind, tenant }: Wish, { status, text }: Tried): void {
    if (kind !== 'async' || status !== 202 || !tenant) return
    const { invocation_id: id } = JSON.parse(text) as { invocation_id: string }
    this.#accepted.push({ tenant, id })
  }

  #asked(kind: OfCallers, tenant: Tenant): Asked | undefined {
    const n = this.wishes.length
    const own = { token: tenant.token, org: tenant.orgId }
    const keyed = { ...own, key: `wish-${n}` }
    const agent = Math.random() < 0.5 ? tenant.agentId : tenant.cancelableId
    const body = { input: `${PROMPT} ${n}.`, user: `end user ${n % 5}` }
    const invoke = { ...keyed, line: `POST /agents/${agent}/invoke`, body }
    switch (kind) {
      case 'invoke':
        return invoke
      case 'stream':
        return { ...invoke, body: { ...body, stream: true } }
      case 'async':
        return { ...invoke, headers: { prefer: 'respond-async' } }
      case 'cancel': {
        const running = this.#accepted.pop()
        if (!running) return undefined
        const { token, orgId: org } = running.tenant
        return { key: keyed.key, token, org, line: `POST /invocations/${running.id}/cancel` }
      }
      case 'grant':
        return {
          line: `POST /admin/accounts/${tenant.orgId}/credits`,
          key: keyed.key,
          token: this.#seeded.administrator.token,
          body: { amount: '0.01', kind: n % 2 === 0 ? 'paid' : 'promotional', reason: 'load' },
        }
      case 'account':
        return { ...own, line: 'GET /billing/account' }
      case 'calls':
        return { ...own, line: 'GET /invocations' }
      case 'me':
        return { ...own, line: 'GET /me' }
    }
  }

  #askedBy(kind: OfPeople, { email, refreshToken }: Somebody): Asked {
    const n = this.wishes.length
    const key = `wish-${n}`
    if (kind === 'refresh')
      return { line: 'POST /auth/refresh', body: { refresh_token: refreshToken } }
    if (kind === 'login')
      return { line: 'POST /auth/login', key, body: { email, password: PASSWORD } }
    const newcomer = `newcomer-${n}@example.com`
    return { line: 'POST /auth/register', key, body: { email: newcomer, password: PASSWORD } }
  }
}

/** Not "later", and not nothing: the wish has come to its end. */
const isAnswer = ({ status }: Tried): boolean =>
  status !== undefined && status !== 503 && status !== 499 && status !== 500

/** The document of an invocation's answer. */
export interface CallAnswer {
  readonly invocation_id: string
  readonly output: string
  readonly cost: { readonly amount: string }
  readonly balance_after: { readonly amount: string }
  readonly position?: undefined
}

/** undefined: it has no answer with a text. */
export function callAnswer({ kind, got }: Pick<Wish, 'kind' | 'got'>): CallAnswer | undefined {
  if (got?.status !== 200 || (kind !== 'invoke' && kind !== 'stream')) return undefined
  const told = JSON.parse(kind === 'stream' ? (doneOf(got.text) ?? '') : got.text) as CallAnswer
  // Where a stream's `done` says that it can be read: later positions are as true.
  return { ...told, position: undefined }
}
