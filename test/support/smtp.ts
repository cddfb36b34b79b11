/**
 * A mail server on a real socket: it keeps what it takes, and refuses, falls silent or hangs up where it
 * is told to. It speaks what RFC 5321 asks of everybody, AUTH PLAIN, and no TLS.
 */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

export interface Delivered {
  readonly from: string
  readonly to: readonly string[]
  /** As it came over the wire, dots unstuffed. */
  readonly raw: string
}

/**
 * Where something happens: at the greeting, at a command, or when the whole text has come (`END`, where
 * `drop` and `silence` come after the mail was kept: the answer is lost).
 */
export interface Misdeed {
  readonly at: 'CONNECT' | 'EHLO' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'END'
  /** An answer, such as `550 5.1.1 nobody here`. */
  readonly say: 'drop' | 'silence' | `${number} ${string}`
}

export interface SmtpServer {
  readonly port: number
  readonly url: string
  readonly mails: readonly Delivered[]
  /** Every line that clients have sent before a text. */
  readonly commands: readonly string[]
  /** How often somebody has begun to hand a mail over. */
  readonly attempts: number
  /** Breaks every connection off. */
  hangUp(): void
  /** Done in turn, each once, where it applies. */
  next(...misdeeds: Misdeed[]): void
  /** Done every time, until it is undefined again. */
  always(misdeed: Misdeed | undefined): void
  close(): Promise<void>
}

interface Served {
  readonly mails: Delivered[]
  readonly commands: string[]
  readonly pending: Misdeed[]
  always: Misdeed | undefined
}

export async function startSmtp({ port = 0 } = {}): Promise<SmtpServer> {
  const served: Served = { mails: [], commands: [], pending: [], always: undefined }
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
    serve(socket, served)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: taken } = server.address() as AddressInfo
  return {
    port: taken,
    url: `smtp://127.0.0.1:${taken}`,
    mails: served.mails,
    commands: served.commands,
    get attempts() {
      return served.commands.filter((line) => line.startsWith('MAIL ')).length
    },
    hangUp() {
      for (const socket of sockets) socket.destroy()
    },
    next: (...misdeeds) => served.pending.push(...misdeeds),
    always(misdeed) {
      served.always = misdeed
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

function misdeedAt(served: Served, at: Misdeed['at']): Misdeed | undefined {
  if (served.always?.at === at) return served.always
  const index = served.pending.findIndex((one) => one.at === at)
  return index < 0 ? undefined : served.pending.splice(index, 1)[0]
}

function serve(socket: Socket, served: Served): void {
  let from = ''
  let to: string[] = []
  let text: string[] | undefined
  /** Answers as it should, unless a misdeed is due. */
  const answer = (at: Misdeed['at'], usual: string): boolean => {
    const due = misdeedAt(served, at)
    if (due?.say === 'silence') return false
    if (due?.say === 'drop') socket.destroy()
    else socket.write(`${due?.say ?? usual}\r\n`)
    return due === undefined
  }
  const command = (line: string) => {
    served.commands.push(line)
    const verb = line.split(/[ :]/)[0]?.toUpperCase()
    if (verb === 'EHLO') answer('EHLO', '250-test\r\n250-AUTH PLAIN\r\n250 SIZE 1000000')
    else if (verb === 'AUTH') answer('AUTH', '235 2.7.0 welcome')
    else if (verb === 'MAIL') {
      ;[from, to] = [line.slice(10), []]
      answer('MAIL', '250 2.1.0 ok')
    } else if (verb === 'RCPT') {
      if (answer('RCPT', '250 2.1.5 ok')) to.push(line.slice(8))
    } else if (verb === 'DATA') {
      if (answer('DATA', '354 go on')) text = []
    } else if (verb === 'QUIT') socket.end('221 2.0.0 bye\r\n')
    else if (verb === 'RSET' || verb === 'NOOP') socket.write('250 2.0.0 ok\r\n')
    else socket.write('502 5.5.1 not known here\r\n')
  }
  const lineOfText = (line: string, lines: string[]) => {
    if (line !== '.') {
      lines.push(line.startsWith('.') ? line.slice(1) : line)
      return
    }
    text = undefined
    const refused = [served.always, served.pending[0]].some(
      (one) => one?.at === 'END' && /^\d/.test(one.say),
    )
    if (!refused) served.mails.push({ from, to, raw: `${lines.join('\r\n')}\r\n` })
    answer('END', '250 2.0.0 taken')
  }
  let rest = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (text) lineOfText(line, text)
      else command(line)
    }
  })
  answer('CONNECT', '220 test ESMTP')
}
