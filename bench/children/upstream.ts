/**
 * A provider at its fastest: chat completions on node:http from prepared bytes. The model's name says
 * what is asked for: `bench-50-20` gives 50 chunks, 20 ms apart.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answering } from './answer.ts'

interface Prepared {
  readonly pieces: readonly Buffer[]
  readonly json: Buffer
  readonly apartMs: number
}
const prepared = new Map<string, Prepared>()
const base = { id: 'chatcmpl-bench', object: 'chat.completion.chunk', created: 1_760_000_000 }

function prepare(model: string): Prepared {
  const known = prepared.get(model)
  if (known) return known
  const [, count = '50', apart = '0'] = /^bench-(\d+)-(\d+)$/.exec(model) ?? []
  const chunks = Number(count)
  const usage = { prompt_tokens: 20, completion_tokens: chunks, total_tokens: 20 + chunks }
  const event = (choices: readonly object[], more: object = { usage: null }) =>
    Buffer.from(`data: ${JSON.stringify({ ...base, model, choices, ...more })}\n\n`)
  const choice = (delta: object, reason: string | null) => [
    { index: 0, delta, logprobs: null, finish_reason: reason },
  ]
  const words = Array.from({ length: chunks }, (_, n) => ` word${n}`)
  const message = { role: 'assistant', content: words.join(''), refusal: null }
  const choices = [{ index: 0, message, logprobs: null, finish_reason: 'stop' }]
  const made = {
    pieces: [
      ...words.map((content) => event(choice({ content }, null))),
      event(choice({}, 'stop')),
      event([], { usage }),
      Buffer.from('data: [DONE]\n\n'),
    ],
    json: Buffer.from(
      JSON.stringify({ ...base, object: 'chat.completion', model, choices, usage }),
    ),
    apartMs: Number(apart),
  }
  prepared.set(model, made)
  return made
}

function stream({ pieces, apartMs }: Prepared, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  if (apartMs === 0) {
    for (const piece of pieces) response.write(piece)
    response.end()
    return
  }
  let next = 0
  const timer = setInterval(() => {
    const piece = pieces[next++]
    if (piece) response.write(piece)
    if (next < pieces.length) return
    clearInterval(timer)
    response.end()
  }, apartMs)
  response.on('close', () => clearInterval(timer))
}

const server = createServer((request, response) => {
  let text = ''
  request.setEncoding('utf8')
  request.on('data', (piece: string) => (text += piece))
  request.on('end', () => {
    const body = JSON.parse(text) as { model: string; stream?: boolean }
    const answer = prepare(body.model)
    if (body.stream) stream(answer, response)
    else response.writeHead(200, { 'content-type': 'application/json' }).end(answer.json)
  })
})
server.keepAliveTimeout = 60_000

answering(async () => {
  if (!server.listening)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
})
