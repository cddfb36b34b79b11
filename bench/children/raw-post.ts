/** The least that a command over HTTP can be: a body read, parsed and looked at by hand. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { answering } from './answer.ts'

const server = createServer((request, response) => {
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece))
  request.on('end', () => {
    const body = JSON.parse(Buffer.concat(pieces).toString('utf8')) as Record<string, unknown>
    const ok = typeof body['name'] === 'string' && body['name'].length <= 200
    const answer = JSON.stringify({ ok })
    response
      .writeHead(ok ? 200 : 400, {
        'content-type': 'application/json',
        'content-length': answer.length,
      })
      .end(answer)
  })
})
server.keepAliveTimeout = 60_000

answering(async () => {
  if (!server.listening)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
})
