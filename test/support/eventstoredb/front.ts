/**
 * The port: accepts every connection, looks at its first byte and hands it to the gRPC server or to the
 * plain HTTP server. It can drop the connection of a call and freeze all of them.
 */
import { createServer, type Server, type Socket } from 'node:net'

const TLS_HANDSHAKE = 0x16

export interface FrontOptions {
  readonly host: string
  readonly port: number
  readonly tls: boolean
  readonly onGrpc: (socket: Socket) => void
  readonly onHttp: (socket: Socket) => void
}

/** A socket's handle, which HTTP/2 reads from directly: pausing the stream itself would not stop it. */
interface Handle {
  readStop(): number
  readStart(): number
}

export class Front {
  readonly #server: Server
  readonly #options: FrontOptions
  readonly #grpc = new Map<string, Socket>()
  readonly #sockets = new Set<Socket>()
  #waiting: Socket[] = []
  #frozen: Promise<void> | undefined
  #thaw: (() => void) | undefined

  constructor(options: FrontOptions) {
    this.#options = options
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket))
  }

  /** While frozen, when that ends. Whoever answers waits for it. */
  get frozen(): Promise<void> | undefined {
    return this.#frozen
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(this.#options.port, this.#options.host, resolve)
    })
    const address = this.#server.address()
    return typeof address === 'object' && address ? address.port : this.#options.port
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.once('readable', () => this.#route(socket))
  }

  #route(socket: Socket): void {
    const first = socket.read() as Buffer | null
    if (!first) return void socket.once('readable', () => this.#route(socket))
    socket.unshift(first)
    // HTTP/2 begins with "PRI *", TLS with a handshake record.
    if (/^[A-Z]+ \//.test(first.toString('latin1', 0, 16))) this.#options.onHttp(socket)
    else if ((first[0] === TLS_HANDSHAKE) !== this.#options.tls) socket.destroy()
    else if (this.#frozen) this.#waiting.push(socket)
    else this.#pass(socket)
  }

  #pass(socket: Socket): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`
    this.#grpc.set(peer, socket)
    socket.once('close', () => this.#grpc.delete(peer))
    this.#options.onGrpc(socket)
  }

  /** Drops the connection that a call came over. */
  drop(peer: string): void {
    this.#grpc.get(peer)?.destroy()
  }

  freeze(): void {
    if (this.#frozen) return
    this.#frozen = new Promise((resolve) => {
      this.#thaw = resolve
    })
    for (const socket of this.#grpc.values()) handleOf(socket)?.readStop()
  }

  thaw(): void {
    if (!this.#frozen) return
    this.#frozen = undefined
    this.#thaw?.()
    for (const socket of this.#grpc.values()) handleOf(socket)?.readStart()
    const waiting = this.#waiting
    this.#waiting = []
    for (const socket of waiting) this.#route(socket)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    this.#waiting = []
    this.thaw()
    await closed
  }
}

const handleOf = (socket: Socket): Handle | undefined =>
  (socket as unknown as { _handle?: Handle | null })._handle ?? undefined
