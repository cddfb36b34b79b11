/**
 * Clients of the random kill test: each asks something, waits for the answer, and writes both down. What
 * is asked follows from the seed; every mutation has an Idempotency-Key, so that whoever got no answer
 * may ask again.
 */
import type { CrashData } from './crash-data.ts'
import { ask, type Asked, type Got } from './servers.ts'

/** Something asked, and what came of it. */
export interface Written {
  readonly asked: Asked
  readonly requestId: string
  readonly kind: Kind
  got: Got | undefined
}

export interface Answer {
  readonly requestId: string
  readonly status: number
  readonly text: string
  readonly position: bigint | undefined
  /** `Type id` of events that must be in the log, once. */
  readonly wrote: readonly string[]
}

const kinds = {
  invoke: 8,
  stream: 4,
  async: 4,
  cancel: 2,
  register: 1,
  login: 1,
  refresh: 3,
  grant: 2,
  version: 2,
  agent: 1,
  organization: 1,
  rename: 1,
  read: 3,
} as const
type Kind = keyof typeof kinds
const drawn = Object.entries(kinds).flatMap(([kind, n]) => Array<Kind>(n).fill(kind as Kind))

const PASSWORD = 'marmot lantern 4471 ink'
const PROMPT = 'Narwhal-2093 wants to know'
/** Now and then a client asks the same thing twice at once. */
const TWICE = 0.15

export class Load {
  readonly #data: CrashData
  readonly #random: () => number
  #journal: Written[] = []
  readonly #answers: Answer[] = []
  readonly #registered: string[] = []
  readonly #running: string[] = []
  #refreshToken: string
  #refreshing = false
  #counter = 0
  #unansweredCount = 0

  constructor(seed: number, data: CrashData) {
    this.#data = data
    this.#random = mulberry32(seed)
    this.#refreshToken = data.person.refreshToken
  }

  upTo(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  /** One client, until `over`. */
  async run(url: string, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const kind = drawn[this.upTo(drawn.length)] ?? 'read'
      if (kind === 'refresh' && this.#refreshing) continue
      const asked = this.#next(kind)
      if (!asked) continue
      const times = kind !== 'refresh' && this.#random() < TWICE ? 2 : 1
      this.#refreshing ||= kind === 'refresh'
      await Promise.all(Array.from({ length: times }, () => this.#ask(url, kind, asked)))
      if (kind === 'refresh') this.#refreshing = false
    }
  }

  async #ask(url: string, kind: Kind, asked: Asked): Promise<void> {
    const requestId = `load-${++this.#counter}-request`
    const entry: Written = { asked: withId(asked, requestId), requestId, kind, got: undefined }
    this.#journal.push(entry)
    const got = await ask(url, entry.asked)
    if (got) this.#answered(entry, got)
    else this.#unansweredCount++
  }

  #answered(entry: Written, got: Got): void {
    entry.got = got
    this.#learn(entry, got)
    const { requestId } = entry
    const { status, text, position } = got
    // A read says where its view is: that may be before the first event.
    const written = entry.kind === 'read' ? undefined : position
    this.#answers.push({ requestId, status, text, position: written, wrote: wrote(entry, got) })
  }

  /** What nobody was told the outcome of, once: a mutation that may be asked again. */
  unanswered(): Written[] {
    const open = this.#journal.filter((entry) => !entry.got && entry.kind !== 'read')
    this.#journal = []
    const seen = new Set<string | undefined>()
    return open
      .filter(({ asked: { key } }) => key === undefined || (!seen.has(key) && seen.add(key)))
      .map((entry) => {
        const requestId = `load-${++this.#counter}-again`
        return { ...entry, requestId, asked: withId(entry.asked, requestId) }
      })
  }

  repeat(entry: Written, got: Got): void {
    this.#answered(entry, got)
  }

  answers(): readonly Answer[] {
    return this.#answers
  }
  registered(): readonly string[] {
    return this.#registered
  }
  secrets(): string[] {
    return [PASSWORD, PROMPT]
  }
  counts() {
    return {
      asked: this.#counter,
      answered: this.#answers.length,
      unanswered: this.#unansweredCount,
    }
  }

  #learn({ kind, asked }: Written, { status, text }: Got): void {
    if (kind === 'register' && status === 202)
      this.#registered.push((asked.body as { email: string }).email)
    if (status === 200 && kind === 'refresh')
      this.#refreshToken = (JSON.parse(text) as { refresh_token: string }).refresh_token
    if (status === 202 && kind === 'async')
      this.#running.push((JSON.parse(text) as { invocation_id: string }).invocation_id)
  }

  #next(kind: Kind): Asked | undefined {
    const { person, administrator, member, agentId, cancelableId, email, password } = this.#data
    const n = ++this.#counter
    // There are more and more organizations to be meant.
    const own = { key: `key-${n}`, token: person.token, org: person.orgId }
    const agent = this.#random() < 0.5 ? agentId : cancelableId
    const body = { input: `${PROMPT} ${n}`, user: `end user ${n % 5}` }
    const invoke = { ...own, line: `POST /agents/${agent}/invoke`, body }
    switch (kind) {
      case 'invoke':
        return { ...invoke, token: n % 2 === 0 ? person.token : member.token }
      case 'stream':
        return { ...invoke, body: { ...body, stream: true } }
      case 'async':
        return { ...invoke, headers: { prefer: 'respond-async' } }
      case 'cancel': {
        const id = this.#running.pop()
        return id === undefined ? undefined : { ...own, line: `POST /invocations/${id}/cancel` }
      }
      case 'register':
        return {
          line: 'POST /auth/register',
          key: own.key,
          body: { email: `load-${n}@example.com`, password: PASSWORD },
        }
      case 'login':
        return { line: 'POST /auth/login', key: own.key, body: { email, password } }
      case 'refresh':
        return { line: 'POST /auth/refresh', body: { refresh_token: this.#refreshToken } }
      case 'grant':
        return {
          line: `POST /admin/accounts/${person.orgId}/credits`,
          key: own.key,
          token: administrator.token,
          body: { amount: '0.01', kind: n % 2 === 0 ? 'paid' : 'promotional', reason: 'load' },
        }
      case 'version':
        return {
          ...own,
          line: `POST /agents/${agentId}/versions`,
          body: {
            system_prompt: `${PROMPT} ${n}`,
            prompt_template: '{{input}}',
            model_name: 'test-model',
          },
        }
      case 'agent':
        return { ...own, line: 'POST /agents', body: { slug: `a-${n}`, name: `Agent ${n}` } }
      case 'organization':
        return { ...own, line: 'POST /organizations', body: { name: `Organization ${n}` } }
      case 'rename':
        return { ...own, line: `PATCH /agents/${agentId}`, body: { name: `Name ${n}` } }
      case 'read':
        return {
          line: n % 2 === 0 ? 'GET /invocations' : 'GET /billing/account',
          token: person.token,
          org: person.orgId,
        }
    }
  }
}

const withId = (asked: Asked, requestId: string): Asked => ({
  ...asked,
  headers: { ...asked.headers, 'x-request-id': requestId },
})

function wrote({ kind }: Written, { status, text }: Got): string[] {
  if (status < 200 || status >= 300) return []
  if (kind === 'stream') {
    const done = /event: done\ndata: (.*)\n/.exec(text)?.[1]
    return done === undefined ? [] : ended(JSON.parse(done) as Ids)
  }
  if (text === '' || kind === 'read') return []
  const ids = JSON.parse(text) as Ids
  if (kind === 'invoke') return ended(ids)
  if (kind === 'async')
    return [`InvocationAccepted ${ids.invocation_id}`, `HoldPlaced ${ids.invocation_id}`]
  if (kind === 'agent') return [`AgentCreated ${ids.id}`]
  if (kind === 'organization') return [`OrganizationCreated ${ids.id}`]
  if (kind === 'grant') return [`CreditGranted ${ids.lot_id}`]
  return []
}

interface Ids {
  readonly id?: string
  readonly invocation_id?: string
  readonly lot_id?: string
}
const ended = ({ invocation_id: id }: Ids): string[] => [
  `InvocationCompleted ${id}`,
  `HoldSettled ${id}`,
]

/** A small generator of numbers from 0 to 1 that a seed decides. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
