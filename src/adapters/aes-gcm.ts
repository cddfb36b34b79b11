/** AES-256-GCM as iv ‖ ciphertext ‖ tag. A changed byte, another key or other additional data throws. */
import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from 'node:crypto'

const ALGORITHM = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16

export function encrypt(key: KeyObject, bytes: Uint8Array, additional: string): Buffer {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, iv)
  cipher.setAAD(Buffer.from(additional))
  return Buffer.concat([iv, cipher.update(bytes), cipher.final(), cipher.getAuthTag()])
}

export function decrypt(key: KeyObject, bytes: Uint8Array, additional: string): Buffer {
  if (bytes.length < IV_BYTES + TAG_BYTES) throw new Error('a sealed value was cut short')
  const end = bytes.length - TAG_BYTES
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  })
  decipher.setAAD(Buffer.from(additional))
  decipher.setAuthTag(bytes.subarray(end))
  return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, end)), decipher.final()])
}
