/** Programs at the door for OpenAI's language: an organization with agents and a key, and clients of the real package. */
import OpenAI, { type ClientOptions } from 'openai'
import { startTestApp, type TestApp } from '../../support/app.ts'
import { fund, type Funded, type FundedOptions } from '../../support/funded.ts'

export interface Door {
  readonly test: TestApp
  readonly owner: Funded
  /** A key of the organization that may invoke, and nothing else. */
  readonly key: string
  /** The agent `plain`, which lets its callers do nothing special. */
  readonly plain: string
  client(options?: Partial<ClientOptions>): OpenAI
  /** Another agent of the organization. */
  publish(slug: string, version?: Readonly<Record<string, unknown>>): Promise<string>
  issueKey(terms?: Readonly<Record<string, unknown>>): Promise<string>
}

export const startDoor = (): Promise<TestApp> => startTestApp()

const version = { prompt_template: '{{input}}', model_name: 'test-model', max_tokens: 100 }

export async function openDoor(test: TestApp, options: FundedOptions = {}): Promise<Door> {
  const base = await test.listen()
  const owner = await fund(test, options)
  const asked = { token: owner.token, org: owner.orgId }
  const publish = async (slug: string, change: Readonly<Record<string, unknown>> = {}) => {
    const body = { slug, name: slug, version: { ...version, ...change } }
    const made = await test.request<{ id: string }>('POST /agents', { ...asked, body })
    if (made.status !== 201) throw new Error(`no agent: ${made.text}`)
    return made.body.id
  }
  const issueKey = async (terms: Readonly<Record<string, unknown>> = {}) => {
    const body = { name: 'A program', scopes: ['invoke'], ...terms }
    const issued = await test.request<{ key: string }>('POST /api-keys', { ...asked, body })
    if (issued.status !== 201) throw new Error(`no key: ${issued.text}`)
    return issued.body.key
  }
  const key = await issueKey()
  return {
    test,
    owner,
    key,
    plain: await publish('plain', { system_prompt: 'Be brief.' }),
    client: (given = {}) =>
      new OpenAI({ baseURL: `${base}/v1`, apiKey: key, maxRetries: 0, ...given }),
    publish,
    issueKey,
  }
}

/** A stream of a provider whose model calls a tool: the arguments in pieces, as OpenAI sends them. */
export function toolStream(
  calls: readonly {
    readonly id: string
    readonly name: string
    readonly pieces: readonly string[]
  }[],
  said = '',
): string {
  const chunk = (delta: object, finish: string | null = null) =>
    `data: ${JSON.stringify({
      id: 'chatcmpl-up',
      object: 'chat.completion.chunk',
      created: 1_760_000_000,
      model: 'test-model',
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    })}\n\n`
  const usage = { prompt_tokens: 20, completion_tokens: 8, total_tokens: 28 }
  return [
    chunk({ role: 'assistant', content: said === '' ? null : said }),
    ...calls.flatMap(({ id, name, pieces }, index) => [
      chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
      ...pieces.map((piece) => chunk({ tool_calls: [{ index, function: { arguments: piece } }] })),
    ]),
    chunk({}, 'tool_calls'),
    `data: ${JSON.stringify({ choices: [], usage })}\n\n`,
    'data: [DONE]\n\n',
  ].join('')
}

/** The headers of one name of the invocation. */
export const invocationOf = (response: Response): string =>
  response.headers.get('x-daybook-invocation-id') ?? ''

export async function* linesOf(body: ReadableStream<Uint8Array>): AsyncIterable<string> {
  const decoder = new TextDecoder()
  let waiting = ''
  for await (const bytes of body) {
    waiting += decoder.decode(bytes, { stream: true })
    const lines = waiting.split('\n')
    waiting = lines.pop() ?? ''
    yield* lines
  }
}
