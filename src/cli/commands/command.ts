/** The few words in which each command says what it takes, what it asks and how the answer looks. */
import type { Command } from 'commander'
import type { Layout } from '../print.ts'
import { perform } from '../perform.ts'

export const wantsJson = (command: Command): boolean =>
  (command.optsWithGlobals() as { json?: boolean }).json === true

/** Asks the operation and shows the answer. */
export const answer = (
  command: Command,
  name: string,
  input: unknown,
  layout: Layout,
): Promise<void> => perform({ name, input }, layout, { json: wantsJson(command) })

export const example = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  npm run daybook -- ${line}`).join('\n')}`
