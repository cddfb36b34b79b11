/**
 * An operator's command: a name, what it takes, what it does to the running application. The same code
 * runs inside the server (asked through its socket) and in a process of its own where no server runs.
 */
import type { z } from 'zod'
import type { App } from '../app.ts'

/** What an operation tells while it runs, line by line. Values are JSON; amounts are decimal strings. */
export type Line =
  | { readonly kind: 'row'; readonly row: Readonly<Record<string, unknown>> }
  | { readonly kind: 'note'; readonly text: string }
  | {
      readonly kind: 'progress'
      readonly label: string
      readonly done: number
      readonly total: number
    }

export interface Operation<Input = never> {
  readonly name: string
  readonly input: z.ZodType<Input>
  readonly run: (
    app: App,
    input: Input,
    tell: (line: Line) => void,
    signal: AbortSignal,
    /** Resolves when who listens has taken what was told: for long tales. */
    room: Room,
  ) => Promise<void>
}
export type Room = () => Promise<void>

/** Keeps the input's type for `run`; the registry holds them all. */
export const operation = <Input>(declaration: Operation<Input>): AnyOperation =>
  declaration as unknown as AnyOperation
export type AnyOperation = Operation

/** What went wrong, for a person: the command line prints it and exits with `exitCode`. */
export class OperationFailed extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode = 1) {
    super(message)
    this.name = 'OperationFailed'
    this.exitCode = exitCode
  }
}

/** Runs one operation by name: what both the socket and the stand-alone process do. */
export async function runOperation(
  operations: readonly AnyOperation[],
  app: App,
  request: { name: string; input: unknown },
  tell: (line: Line) => void,
  signal: AbortSignal,
  room: Room,
): Promise<void> {
  const found = operations.find((one) => one.name === request.name)
  if (!found) throw new OperationFailed(`no operation is called ${request.name}`, 64)
  const input = found.input.safeParse(request.input)
  if (!input.success) {
    throw new OperationFailed(input.error.issues.flatMap(describeIssue).join('\n'), 64)
  }
  await found.run(app, input.data, tell, signal, room)
}

/** `entries.0.price.output: …`, one line for each field that is wrong. */
function describeIssue(issue: z.core.$ZodIssue): string[] {
  // What came from a file is one field of the operation's input.
  const at = (path: readonly PropertyKey[]) =>
    path
      .map(String)
      .join('.')
      .replace(/^content(\.|$)/, '')
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => `${at([...issue.path, key])}: there is no such field`)
  return [`${at(issue.path) || 'the whole'}: ${issue.message}`]
}
