/** Keyed digests under a fixed key, for what needs no more of the sealer. */
import { createHmac } from 'node:crypto'
import type { Sealer } from '../../src/ports/sealer.ts'

export const hmacOnly = (key = 'key'): Sealer => {
  const hmac: Sealer['hmac'] = (purpose, value) =>
    createHmac('sha256', `${key}/${purpose}`).update(value).digest('hex')
  return { hmac } as Sealer
}
