/**
 * People who use an installation without a pause: they invoke and wait, follow a stream, or leave it to
 * run; others register, sign in and look at their sessions. Each asks again, with the same key, where it was
 * refused before it was accepted, and only there. What else goes wrong is a failure with its place.
 */
import { randomUUID } from 'node:crypto'
import type { Funded } from '../funded.ts'
import { freshEmail, PASSWORD } from '../people.ts'
import { type Asked, headersOf } from '../servers.ts'

/** A wish to invoke, and the call that it became. */
export interface Call {
  readonly key: string
  readonly kind: Kind
  readonly invocationId: string
}
export type Kind = 'wait' | 'stream' | 'async'

export interface Load {
  readonly calls: readonly Call[]
  /** E-mail addresses of those who have registered and signed in. */
  readonly people: readonly string[]
  /** Refusals of a process that was stopping: each was asked again. */
  readonly refused: number
  readonly failures: readonly string[]
  /** Resolves when so many more things have been done since now. */
  goesOn(more: number): Promise<void>
  /** Somebody who has begun to register after now. */
  somebodyNew(): Promise<string>
  /** Nobody begins anything more; resolves when all have their answers. */
  stop(): Promise<void>
  /** Asks once more for what a call has answered, under its key. */
  askAgain(call: Call): Promise<string>
}

interface Got {
  readonly status: number
  readonly text: string
  readonly location: string | null
}

export function startLoad(url: string, who: Funded, text: string): Load {
  const calls: Call[] = []
  const people: string[] = []
  const failures: string[] = []
  const waiting = new Set<{ holds: () => boolean; resolve: () => void }>()
  let done = 0
  let refused = 0
  const stopping = new AbortController()

  /** Once, and again where nothing was begun. undefined: it failed, and that is written down. */
  async function ask(asked: Asked, wanted: number): Promise<Got | undefined> {
    for (;;) {
      const got = await once(url, asked)
      if (got.status === wanted) return got
      if (got.status === 503 && /"code":"(stopping|unavailable)"/.test(got.text)) refused++
      else {
        failures.push(`${asked.line} ${got.status} ${got.text.slice(0, 300)}`)
        return undefined
      }
    }
  }

  const invoke = (kind: Kind, key: string) =>
    ask(
      {
        line: `POST /agents/${who.agentId}/invoke`,
        token: who.token,
        key,
        body: { input: `Wish ${key}`, ...(kind === 'stream' ? { stream: true } : {}) },
        ...(kind === 'async' ? { headers: { prefer: 'respond-async' } } : {}),
      },
      kind === 'async' ? 202 : 200,
    )

  async function call(kind: Kind): Promise<void> {
    const key = randomUUID()
    const got = await invoke(kind, key)
    if (!got) return
    const invocationId = idIn(got) ?? ''
    // Nobody waits for what runs by itself; it is followed to its end, whichever process is asked.
    const line = `GET /invocations/${invocationId}/events`
    const answer = kind === 'async' ? await ask({ line, token: who.token }, 200) : got
    if (!answer) return
    if (isWhole(kind, answer, text)) calls.push({ key, kind, invocationId })
    else failures.push(`${kind} ${key} got ${answer.text.slice(-300)}`)
  }

  /** Passwords cost more than everything else: between two people there is a call. */
  async function person(): Promise<void> {
    await call('wait')
    const email = freshEmail()
    const body = { email, password: PASSWORD }
    if (!(await ask({ line: 'POST /auth/register', key: randomUUID(), body }, 202))) return
    const signedIn = await ask({ line: 'POST /auth/login', body }, 200)
    if (!signedIn) return
    const { access_token: token } = JSON.parse(signedIn.text) as { access_token: string }
    if (await ask({ line: 'GET /me/sessions', token }, 200)) people.push(email)
  }

  async function again(work: () => Promise<void>): Promise<void> {
    while (!stopping.signal.aborted) {
      await work()
      done++
      for (const one of waiting) if (one.holds()) one.resolve()
    }
  }

  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => waiting.add({ holds, resolve }))

  const works = [...(['wait', 'stream', 'async'] as const).map((kind) => () => call(kind)), person]
  const ended = Promise.all(works.map(again))
  return {
    calls,
    people,
    get refused() {
      return refused
    },
    failures,
    goesOn(more) {
      const wanted = done + more
      return until(() => done >= wanted)
    },
    async somebodyNew() {
      // One may be under way.
      const wanted = people.length + 2
      await until(() => people.length >= wanted)
      return people.at(-1) ?? ''
    },
    async stop() {
      stopping.abort()
      await ended
    },
    async askAgain({ kind, key }) {
      const got = await invoke(kind, key)
      return (got && idIn(got)) ?? ''
    },
  }
}

async function once(url: string, asked: Asked): Promise<Got> {
  const [method = '', path = ''] = asked.line.split(' ')
  try {
    const response = await fetch(url + path, {
      method,
      headers: headersOf(asked),
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
    })
    const location = response.headers.get('location')
    return { status: response.status, text: await response.text(), location }
  } catch (error) {
    return { status: 0, text: String(error), location: null }
  }
}

const idIn = ({ text, location }: Got): string | undefined =>
  /inv_\w+/.exec(location ?? '')?.[0] ?? /"invocation_id":"(\w+)"/.exec(text)?.[1]

/** A stream ends with the whole answer; one that broke off is none. */
const isWhole = (kind: Kind, { text }: Got, expected: string): boolean =>
  text.includes(JSON.stringify(expected)) && (kind === 'wait' || text.includes('event: done'))
