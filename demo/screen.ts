/** What the demo looks like: steps, requests and tables. Colours only on a terminal that wants them. */
import Table from 'cli-table3'

const coloured = process.stdout.isTTY && !process.env['NO_COLOR']
const paint = (code: number) => (text: string) =>
  coloured ? `\u001B[${code}m${text}\u001B[0m` : text
export const bold = paint(1)
export const dim = paint(2)
export const green = paint(32)
const cyan = paint(36)
const red = paint(31)

let steps = 0

export const say = (text = ''): void => {
  process.stdout.write(`${text}\n`)
}

/** A new part of the story. */
export function step(title: string): void {
  steps += 1
  say()
  say(bold(`${String(steps).padStart(2)}  ${title}`))
}

/** What is asked. */
export const asked = (line: string, body?: unknown): void =>
  say(`    ${cyan('→')} ${line}${body === undefined ? '' : dim(`  ${short(body)}`)}`)

/** What comes back, in words. */
export const came = (status: number | string, text: string): void =>
  say(`    ${green('←')} ${status}${text === '' ? '' : `  ${text}`}`)

/** What the operator types. */
export const typed = (line: string): void => say(`    ${cyan('$')} npm run daybook -- ${line}`)

export const printed = (text: string): void => {
  for (const line of text.trimEnd().split('\n')) say(`      ${dim(line)}`)
}

export const failed = (text: string): void => {
  process.stderr.write(`\n${red('The demo stopped:')} ${text}\n`)
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const drawn = new Table({
    head: [...head],
    style: { head: coloured ? ['bold'] : [], border: coloured ? ['grey'] : [], compact: true },
    colAligns: head.map((title) =>
      /^(amount|held|balance|available|count)$/.test(title) ? 'right' : 'left',
    ),
  })
  drawn.push(...rows.map((row) => [...row]))
  for (const line of drawn.toString().split('\n')) say(`    ${line}`)
}

function short(value: unknown): string {
  const text = JSON.stringify(value, (key, inner: unknown) =>
    /password|token|^code$/.test(key) ? '…' : inner,
  )
  return text.length > 76 ? `${text.slice(0, 75)}…` : text
}

/** A line of a conversation. */
export function said(who: string, text: string): void {
  const lines = wrapped(text, 64).split('\n')
  say(`    ${cyan(who.padStart(8))}  ${lines.join(`\n${' '.repeat(14)}`)}`)
}

export function wrapped(text: string, width: number): string {
  const lines = ['']
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? ''
    if (last !== '' && last.length + word.length + 1 > width) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines.join('\n')
}
