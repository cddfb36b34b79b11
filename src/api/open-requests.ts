/**
 * The requests that this process is answering. A stop waits for their ends, and lets each connection go
 * with its answer: nobody shall send another request into a connection that is about to close, for
 * they could not know whether it was carried out.
 */
import type { Server, ServerResponse } from 'node:http'

export interface OpenRequests {
  /** Resolves when all of them have ended, or after so long. */
  ended(withinMs: number): Promise<void>
}

/** @param leaving aborts when connections are no longer to be kept */
export function watchRequests(server: Server, leaving: AbortSignal): OpenRequests {
  const open = new Set<ServerResponse>()
  let noneLeft: (() => void) | undefined

  server.prependListener('request', (_request, response) => {
    open.add(response)
    if (leaving.aborted) letGo(response)
    response.once('close', () => {
      open.delete(response)
      if (open.size === 0) noneLeft?.()
    })
  })
  leaving.addEventListener('abort', () => open.forEach(letGo), { once: true })

  return {
    ended(withinMs) {
      if (open.size === 0) return Promise.resolve()
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, withinMs)
        noneLeft = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    },
  }
}

function letGo(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader('connection', 'close')
}
