/**
 * The proxy of a rolling update: sends each request to a process that is ready (to any that ever was, where
 * none is), over connections that it keeps. Another process is tried only where no connection came to be; a
 * request that was sent is never sent again, so one that is lost is an answer 502 that a test can see.
 */
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'

const LOOK_EVERY_MS = 100
const READY_WITHIN_MS = 3_000

export interface ReverseProxy {
  readonly url: string
  /** Requests that were sent to a process which gave no whole answer. */
  readonly lost: readonly string[]
  /** Requests go there once it is ready; until the function is called. */
  add(url: string): () => void
  close(): Promise<void>
}

interface Target {
  readonly url: string
  readonly agent: Agent
  ready: boolean
  wasReady: boolean
}

export async function startReverseProxy(): Promise<ReverseProxy> {
  const targets = new Map<string, Target>()
  const lost: string[] = []
  let turn = 0

  /** Ready ones first, each in its turn. */
  function inOrder(): Target[] {
    const all = [...targets.values()]
    const ready = all.filter((one) => one.ready)
    const some = ready.length > 0 ? ready : all.filter((one) => one.wasReady)
    const first = turn++ % Math.max(1, some.length)
    return [...some.slice(first), ...some.slice(0, first)]
  }

  async function forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await buffer(incoming)
    for (const target of inOrder()) {
      const outcome = await sendTo(target, incoming, body, outgoing)
      if (outcome === 'answered') return
      if (outcome === 'refused') {
        target.ready = false
        continue
      }
      lost.push(`${incoming.method} ${incoming.url}: ${outcome.message}`)
      if (outgoing.headersSent) outgoing.destroy()
      else outgoing.writeHead(502).end()
      return
    }
    outgoing.writeHead(503, { 'retry-after': '1' }).end('{"code":"nobody"}')
  }

  const server = createServer((incoming, outgoing) => {
    forward(incoming, outgoing).catch(() => outgoing.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lost,
    add(url) {
      const target = { url, agent: new Agent({ keepAlive: true }), ready: false, wasReady: false }
      targets.set(url, target)
      void look(target, () => targets.has(url))
      return () => {
        targets.delete(url)
        target.agent.destroy()
      }
    },
    async close() {
      targets.clear()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function look(target: Target, wanted: () => boolean): Promise<void> {
  while (wanted()) {
    target.ready = await isReady(target.url)
    target.wasReady ||= target.ready
    await delay(LOOK_EVERY_MS)
  }
}

export const isReady = async (url: string): Promise<boolean> => {
  try {
    const signal = AbortSignal.timeout(READY_WITHIN_MS)
    // A connection of its own: a look must not disturb those that are kept.
    const asked = request(`${url}/health/ready`, { signal, agent: false }).end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    answer.resume()
    return answer.statusCode === 200
  } catch {
    return false
  }
}

/** `refused`: there was no connection, so nothing was sent. */
function sendTo(
  { url, agent }: Target,
  incoming: IncomingMessage,
  body: Buffer,
  outgoing: ServerResponse,
): Promise<'answered' | 'refused' | Error> {
  return new Promise((resolve) => {
    const { method, headers } = incoming
    const sent = request(url + (incoming.url ?? '/'), {
      agent,
      method,
      headers: { ...headers, connection: 'keep-alive' },
    })
    sent.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : error),
    )
    sent.once('response', (answer) => {
      const { connection: _hop, 'keep-alive': _too, ...passed } = answer.headers
      outgoing.writeHead(answer.statusCode ?? 502, passed)
      answer.pipe(outgoing)
      answer.once('end', () => resolve('answered'))
      answer.once('close', () => {
        if (!answer.complete) resolve(new Error('the answer broke off'))
      })
    })
    // Whoever asked has left.
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) sent.destroy()
    })
    sent.end(body)
  })
}
