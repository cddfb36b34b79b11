/** A proxy that does nothing else: Fastify reads the request, undici asks, the bytes go through. */
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import { Pool } from 'undici'
import { answering } from './answer.ts'

const app = Fastify()
let pool: Pool | undefined

app.post('/v1/chat/completions', async (request, reply) => {
  reply.hijack()
  await pool?.stream(
    {
      path: '/v1/chat/completions',
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request.body),
    },
    ({ statusCode, headers }) => {
      reply.raw.writeHead(statusCode, {
        'content-type': String(headers['content-type']),
        'cache-control': 'no-cache',
      })
      return reply.raw
    },
  )
})

answering(async ({ upstream }: { upstream: number }) => {
  if (!pool) {
    pool = new Pool(`http://127.0.0.1:${upstream}`, { connections: 2_048 })
    await app.listen({ port: 0, host: '127.0.0.1' })
  }
  return (app.server.address() as AddressInfo).port
})
