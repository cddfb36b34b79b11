/**
 * A password from a person: typed unseen and twice at a terminal, or the first line of standard input.
 * Never from an argument, which every process of the machine could read.
 */
import { text } from 'node:stream/consumers'
import { OperationFailed } from './operation.ts'

const CTRL_C = '\u0003'
const CTRL_D = '\u0004'
const BACKSPACE = ['\b', '\u007F']

export async function askPassword(prompt = 'Password'): Promise<string> {
  if (!process.stdin.isTTY) {
    const [first = ''] = (await text(process.stdin)).split(/\r?\n/, 1)
    if (first !== '') return first
    throw new OperationFailed('no password came on standard input', 64)
  }
  const password = await typedUnseen(`${prompt}: `)
  if (password === (await typedUnseen(`${prompt} again: `))) return password
  throw new OperationFailed('the two are not the same; nothing was changed', 64)
}

function typedUnseen(prompt: string): Promise<string> {
  const { stdin, stderr } = process
  stderr.write(prompt)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  stdin.resume()
  return new Promise((resolve, reject) => {
    let typed: string[] = []
    const done = (finish: () => void) => {
      stdin.off('data', read)
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
      finish()
    }
    const read = (chunk: string) => {
      for (const character of chunk) {
        if (character === '\r' || character === '\n') return done(() => resolve(typed.join('')))
        if (character === CTRL_C || character === CTRL_D)
          return done(() => reject(new OperationFailed('stopped; nothing was changed', 130)))
        if (BACKSPACE.includes(character)) typed = typed.slice(0, -1)
        else if (character >= ' ') typed.push(character)
      }
      return undefined
    }
    stdin.on('data', read)
  })
}
