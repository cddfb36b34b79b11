/**
 * Calls of tools as a provider sends them in pieces, made whole. Servers differ: some leave out the index,
 * the id or the type, some send each call in one piece. What leaves here always has an id, a name and
 * indexes without gaps; what has no name is nonsense. Memory is bounded.
 */
import { randomBytes } from 'node:crypto'
import type { ToolCall, ToolCallDelta } from '../ports/llm.ts'

const MAX_CALLS = 128
const MAX_ARGUMENTS = 4 * 1024 * 1024
const MAX_NAME = 256

/** As it arrives: nothing about it is certain. */
export interface ToolCallPiece {
  readonly index?: unknown
  readonly id?: unknown
  readonly function?: { readonly name?: unknown; readonly arguments?: unknown } | null | undefined
}

interface Open {
  /** What the provider calls it, to find its next piece. */
  readonly index: unknown
  readonly given: string | undefined
  readonly id: string
  readonly name: string
  arguments: string
}

export class ToolCalls {
  readonly #calls: Open[] = []
  readonly #onDelta: (delta: ToolCallDelta) => void
  #size = 0

  constructor(onDelta: (delta: ToolCallDelta) => void) {
    this.#onDelta = onDelta
  }

  get whole(): readonly ToolCall[] {
    return this.#calls.map(({ id, name, arguments: given }) => ({
      id,
      type: 'function',
      // No arguments are an empty object: clients parse them.
      function: { name, arguments: given === '' ? '{}' : given },
    }))
  }

  /** What is wrong with a piece; undefined where nothing is. */
  push(piece: ToolCallPiece | null | undefined): string | undefined {
    if (typeof piece !== 'object' || piece === null) return 'a call of a tool that is none'
    const said = textOf(piece.function?.arguments)
    this.#size += said.length
    if (this.#size > MAX_ARGUMENTS) return 'arguments of tools beyond all bounds'
    const at = this.#indexOf(piece)
    const call = this.#calls[at]
    if (!call) return this.#begin(piece, said)
    call.arguments += said
    if (said !== '') this.#onDelta({ index: at, arguments: said })
    return undefined
  }

  #begin(piece: ToolCallPiece, said: string): string | undefined {
    const name = textOf(piece.function?.name)
    if (name === '' || name.length > MAX_NAME) return 'a call of a tool without a name'
    if (this.#calls.length >= MAX_CALLS) return 'more calls of tools than anybody makes'
    const given =
      typeof piece.id === 'string' && piece.id !== '' ? piece.id.slice(0, 256) : undefined
    const id = given ?? `call_${randomBytes(12).toString('hex')}`
    const index = this.#calls.length
    this.#calls.push({ index: piece.index, given, id, name, arguments: said })
    this.#onDelta({ index, id, name, arguments: said })
    return undefined
  }

  /** Where the piece belongs; -1: it begins a call. */
  #indexOf({ index, id, function: called }: ToolCallPiece): number {
    if (typeof index === 'number') return this.#calls.findIndex((call) => call.index === index)
    if (typeof id === 'string' && id !== '')
      return this.#calls.findIndex((call) => call.given === id)
    // Neither: a name begins a call, the rest belongs to the last one.
    return textOf(called?.name) === '' ? this.#calls.length - 1 : -1
  }
}

/** Some servers send the arguments as an object. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : ''
}
