/**
 * Why a server does not answer, found out by knocking at its port: the client's own words for it differ
 * from one cause to the next and name none of them. Bounded; says nothing that is not known.
 */
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Address } from './address.ts'

export interface Diagnosis {
  /** Waiting will not help. */
  readonly final: boolean
  readonly sentence: (waitedMs: number) => string
}

const KNOCK_MS = 1_000

const NOT_TLS = /WRONG_VERSION_NUMBER|EPROTO|ERR_SSL|PACKET_LENGTH|ECONNRESET/
const CERTIFICATE = /CERT|SIGNATURE|SELF_SIGNED|ISSUER|CA_|LEAF/

export async function diagnose(address: Address): Promise<Diagnosis> {
  const { name, tls } = address
  const tcp = await knock(address)
  if (tcp !== undefined) return { final: false, sentence: (ms) => unreachable(name, tcp, ms) }
  const handshake = await shakeHands(address)
  if (tls && CERTIFICATE.test(handshake ?? '')) {
    return final(
      `the certificate of EventStoreDB at ${name} is not trusted (${handshake}): name its authority with tlsCAFile in the address, or with NODE_EXTRA_CA_CERTS.`,
    )
  }
  if (tls && NOT_TLS.test(handshake ?? '')) {
    return final(`the server at ${name} does not speak TLS: add tls=false to the address.`)
  }
  if (!tls && handshake === undefined) {
    return final(`the server at ${name} speaks TLS: leave out tls=false from the address.`)
  }
  return {
    final: false,
    sentence: (ms) =>
      `the server at ${name} takes connections but did not answer as EventStoreDB within ${ms} ms.`,
  }
}

const final = (sentence: string): Diagnosis => ({ final: true, sentence: () => sentence })

function unreachable(name: string, code: string, waitedMs: number): string {
  const why =
    { ECONNREFUSED: 'nothing listens there', ENOTFOUND: 'the name of the host is not known' }[
      code
    ] ?? code
  return `no EventStoreDB could be reached at ${name} within ${waitedMs} ms (${why}).`
}

/** Undefined when somebody listens, else the code of the error. */
function knock({ host, port }: Address): Promise<string | undefined> {
  return outcome((done) => {
    const socket = connect({ host, port })
    socket.once('connect', () => done(undefined)).once('error', done)
    return socket
  })
}

/** Undefined when the handshake succeeds, else the code of the error. */
function shakeHands({ host, port, tls, authority }: Address): Promise<string | undefined> {
  return outcome((done) => {
    const socket = connectTls({
      host,
      port,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: tls,
      ...(authority === undefined ? {} : { ca: authority }),
    })
    socket
      .once('secureConnect', () => done(undefined))
      .once('error', done)
      .once('close', () => done(new Error('ECONNRESET')))
    return socket
  })
}

function outcome(
  open: (done: (error: (Error & { code?: string }) | undefined) => void) => { destroy(): unknown },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => finish('ETIMEDOUT'), KNOCK_MS)
    const finish = (code: string | undefined) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(code)
    }
    const socket = open((error) => finish(error && (error.code ?? error.message)))
  })
}
