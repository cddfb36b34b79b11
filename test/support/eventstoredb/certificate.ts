/**
 * A self-signed certificate for localhost, made at every start: the client sends a password over TLS only,
 * Node has nothing that makes one, and a key in the repository would be a secret that is none.
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  readonly key: Buffer
  readonly certificate: Buffer
}

const DAY_MS = 24 * 60 * 60 * 1000

/** Tags of ASN.1 that the certificate needs. */
const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
  dnsName: 0x82,
  address: 0x87,
  version: 0xa0,
  extensions: 0xa3,
}

const ECDSA_SHA256 = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
const COMMON_NAME = [0x55, 0x04, 0x03]
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11]
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13]

function der(tag: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  const length: number[] = []
  for (let rest = body.length; rest > 0; rest >>>= 8) length.unshift(rest & 0xff)
  const header = body.length < 0x80 ? [body.length] : [0x80 | length.length, ...length]
  return Buffer.concat([Buffer.from([tag, ...header]), body])
}

const oid = (bytes: readonly number[]): Buffer => der(TAG.oid, Buffer.from(bytes))
const time = (date: Date): Buffer =>
  der(TAG.time, Buffer.from(`${date.toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`))
const extension = (name: readonly number[], value: Buffer): Buffer =>
  der(TAG.sequence, oid(name), der(TAG.octets, value))

export function selfSigned(): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const algorithm = der(TAG.sequence, oid(ECDSA_SHA256))
  const commonName = der(TAG.sequence, oid(COMMON_NAME), der(TAG.utf8, Buffer.from('localhost')))
  const name = der(TAG.sequence, der(TAG.set, commonName))
  const names = der(
    TAG.sequence,
    der(TAG.dnsName, Buffer.from('localhost')),
    der(TAG.address, Buffer.from([127, 0, 0, 1])),
  )
  const isAuthority = der(TAG.sequence, der(TAG.boolean, Buffer.from([0xff])))
  const now = Date.now()
  const body = der(
    TAG.sequence,
    der(TAG.version, der(TAG.integer, Buffer.from([2]))),
    // A serial number is positive.
    der(TAG.integer, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    name,
    der(TAG.sequence, time(new Date(now - DAY_MS)), time(new Date(now + 30 * DAY_MS))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      TAG.extensions,
      der(
        TAG.sequence,
        extension(SUBJECT_ALT_NAME, names),
        extension(BASIC_CONSTRAINTS, isAuthority),
      ),
    ),
  )
  const signature = der(TAG.bits, Buffer.from([0]), sign('sha256', body, privateKey))
  const whole = der(TAG.sequence, body, algorithm, signature)
  const lines = whole.toString('base64').replaceAll(/.{1,64}/g, '$&\n')
  return {
    key: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    certificate: Buffer.from(`-----BEGIN CERTIFICATE-----\n${lines}-----END CERTIFICATE-----\n`),
  }
}
