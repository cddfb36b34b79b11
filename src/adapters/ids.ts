/** Ids by node:crypto's one-shot hashes: the fastest way there is to a uuidv5. */
import { hash, randomBytes, randomUUID } from 'node:crypto'
import type { Ids } from '../ports/ids.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** RFC 9562 §5.5: SHA-1 of the namespace's 16 bytes and the name, its first 128 bits. */
function derive(namespace: string, name: string): string {
  if (!UUID.test(namespace)) throw new TypeError('the namespace of an id is a uuid')
  const bytes = Buffer.allocUnsafe(16 + Buffer.byteLength(name))
  bytes.write(namespace.replaceAll('-', ''), 0, 'hex')
  bytes.write(name, 16)
  const hex = hash('sha1', bytes, 'hex')
  const variant = '89ab'.charAt(Number.parseInt(hex.charAt(16), 16) & 3)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

export const createIds = (): Ids => ({
  random: randomUUID,
  derive,
  secret: () => randomBytes(32).toString('base64url'),
  sha256: (text) => hash('sha256', text, 'hex'),
})
