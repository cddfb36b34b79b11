/** HTTP as the demo speaks it: every request and answer is shown; what was not expected stops it. */
import { asked, came } from './screen.ts'

export type Json = Record<string, unknown>

export interface Client {
  /** `call('POST /auth/login', { body }, 200, (answer) => 'what to show')` */
  call<T = Json>(
    line: string,
    options: { body?: unknown; quiet?: boolean },
    expected: number,
    show: (answer: T) => string,
  ): Promise<T>
  /** Opens a stream of server-sent events and gives each to `onEvent` as it comes. */
  stream(path: string, body: unknown, onEvent: (event: string, data: Json) => void): Promise<void>
  /** Follows nothing: answers where a GET leads on to. */
  redirected(path: string): Promise<string>
  signIn(token: string): void
  use(organizationId: string): void
}

export function createClient(base: string): Client {
  const headers: Record<string, string> = {}

  async function request(method: string, path: string, body: unknown): Promise<Response> {
    return fetch(base + path, {
      method,
      headers: {
        ...headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }

  return {
    async call<T>(
      line: string,
      { body, quiet = false }: { body?: unknown; quiet?: boolean },
      expected: number,
      show: (answer: T) => string,
    ) {
      const [method = 'GET', path = '/'] = line.split(' ')
      if (!quiet) asked(line, body)
      const response = await request(method, path, body)
      const text = await response.text()
      if (response.status !== expected)
        throw new Error(`${line} answered ${response.status}, not ${expected}: ${text}`)
      // The demo shows what it knows of each answer; a missing field would show as undefined.
      const answer = (text === '' ? {} : JSON.parse(text)) as T
      if (!quiet) came(response.status, show(answer))
      return answer
    },
    async redirected(path) {
      asked(`GET ${path.replace(/hash=.*/, 'hash=…')}`)
      const response = await fetch(base + path, { headers, redirect: 'manual' })
      const location = response.headers.get('location')
      if (response.status !== 303 || location === null)
        throw new Error(`GET ${path} answered ${response.status}: ${await response.text()}`)
      came(303, `to ${location.replace(/\?.*/, '?code=…')}`)
      return location
    },
    async stream(path, body, onEvent) {
      asked(`POST ${path}`, body)
      const response = await request('POST', path, body)
      if (!response.ok || !response.body)
        throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`)
      let waiting = ''
      for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
        waiting += part
        const frames = waiting.split('\n\n')
        waiting = frames.pop() ?? ''
        for (const frame of frames) {
          const event = /^event: (.*)$/m.exec(frame)?.[1]
          const data = /^data: (.*)$/m.exec(frame)?.[1]
          if (event !== undefined && data !== undefined) onEvent(event, JSON.parse(data) as Json)
        }
      }
    },
    signIn(token) {
      headers['authorization'] = `Bearer ${token}`
    },
    use(organizationId) {
      headers['x-organization-id'] = organizationId
    },
  }
}
