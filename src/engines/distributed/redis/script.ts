/** Lua scripts, sent by their digest and whole only to a Redis that does not know them. */
import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'

export type Script = (
  keys: readonly string[],
  values: readonly (string | number)[],
) => Promise<unknown>

export function script(client: Redis, lua: string): Script {
  const digest = createHash('sha1').update(lua).digest('hex')
  return async (keys, values) => {
    try {
      return await client.evalsha(digest, keys.length, ...keys, ...values)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return client.eval(lua, keys.length, ...keys, ...values)
    }
  }
}
