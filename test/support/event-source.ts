/** A reader of server-sent events over a real socket. */
export interface ServerEvent {
  readonly id: string
  readonly event: string
  readonly data: Record<string, unknown>
}

export interface EventReader {
  readonly status: number
  readonly headers: Headers
  /** The next event; undefined at the end of the stream. */
  next(): Promise<ServerEvent | undefined>
  /** All that is left. */
  rest(): Promise<ServerEvent[]>
  /** Hangs up. */
  leave(): void
  /** The body where it is no stream of events. */
  json(): Promise<Record<string, unknown>>
}

export interface EventRequest {
  readonly method?: string
  readonly token: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export async function openEvents(
  url: string,
  { method = 'GET', token, body, headers }: EventRequest,
): Promise<EventReader> {
  const abort = new AbortController()
  const response = await fetch(url, {
    method,
    signal: abort.signal,
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'text/event-stream',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const events = parse(response)
  const next = async () => (await events.next()).value as ServerEvent | undefined
  return {
    status: response.status,
    headers: response.headers,
    next,
    async rest() {
      const all: ServerEvent[] = []
      for (let event = await next(); event; event = await next()) all.push(event)
      return all
    },
    leave: () => abort.abort(),
    json: () => response.json() as Promise<Record<string, unknown>>,
  }
}

async function* parse(response: Response): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes as Uint8Array, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = eventOf(text.slice(0, end))
      text = text.slice(end + 2)
      if (event) yield event
    }
  }
}

function eventOf(block: string): ServerEvent | undefined {
  const fields = new Map(block.split('\n').map((line) => splitField(line)))
  const data = fields.get('data')
  if (data === undefined) return undefined
  return {
    id: fields.get('id') ?? '',
    event: fields.get('event') ?? '',
    data: JSON.parse(data) as Record<string, unknown>,
  }
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(': ')
  return [line.slice(0, colon), line.slice(colon + 2)]
}

export const textOf = (events: readonly ServerEvent[]): string =>
  events
    .filter((event) => event.event === 'delta')
    .map((event) => String(event.data['text']))
    .join('')
