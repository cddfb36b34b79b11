/** A service that we need did not answer: try again later. HTTP: 502, 503 or 504. */
export class Unavailable extends Error {
  readonly service: string
  readonly retryAfterMs: number
  constructor(service: string, cause?: unknown, retryAfterMs = 1_000) {
    super(`${service} is unavailable`, { cause })
    this.name = 'Unavailable'
    this.service = service
    this.retryAfterMs = retryAfterMs
  }
}
