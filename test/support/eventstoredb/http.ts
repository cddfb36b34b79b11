/**
 * Plain HTTP on the same port: `GET /health/live` as the real server answers it, and the control door,
 * `POST /faults`, which works also while the server is frozen.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Fault, Faults } from './faults.ts'
import type { Front } from './front.ts'

/** What the control door takes. */
export type FaultCommand =
  | { readonly do: 'add'; readonly fault: Fault }
  | { readonly do: 'lift' | 'freeze' | 'thaw' | 'end-subscriptions' }

export function handleHttp(faults: Faults, front: Front): Server {
  return createServer((request, response) => {
    answer(request, response, faults, front).catch(() => response.destroy())
  })
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  faults: Faults,
  front: Front,
): Promise<void> {
  if (request.method === 'POST' && request.url === '/faults')
    run(faults, JSON.parse(await text(request)) as FaultCommand)
  else {
    await front.frozen
    if (request.url !== '/health/live') response.statusCode = 404
  }
  if (response.statusCode === 200) response.statusCode = 204
  response.end()
}

function run(faults: Faults, command: FaultCommand): void {
  switch (command.do) {
    case 'add':
      return void faults.add(command.fault)
    case 'lift':
      return faults.lift()
    case 'freeze':
      return faults.freeze()
    case 'thaw':
      return faults.thaw()
    case 'end-subscriptions':
      return faults.endSubscriptions()
  }
}
