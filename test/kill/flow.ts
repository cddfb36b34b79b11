/**
 * What a flow is to the kill tests: what is asked, where the server dies (every `|` of the design), and
 * what must be in the log at the end, once, whichever point it was.
 */
import type { CrashData } from '../support/crash-data.ts'
import type { CrashPoint } from '../support/crash-server.ts'
import type { Asked, Got } from '../support/servers.ts'
import type { Behaviour } from '../support/upstream.ts'

/** How many events of each type the flow writes; UsageRecorded is not counted. */
export type Effects = Readonly<Record<string, number>>

export interface Outcome {
  readonly effects: Effects
  /** Of the repeat after the restart. */
  readonly status: number
}

export type FlowPoint = CrashPoint & {
  /** The start alone, before any repeat, has brought the flow to its end. */
  readonly swept?: true
  /** Where it does not end as the flow does. */
  readonly ends?: Outcome
}

export interface Flow extends Outcome {
  readonly name: string
  /** Asked and answered before, in the process that dies. */
  readonly first?: (data: CrashData) => Asked
  readonly asks: (data: CrashData, first?: Got) => Asked
  readonly points: readonly FlowPoint[]
  /** What the provider does in the process that dies. */
  readonly provider?: readonly Behaviour[]
  readonly environment?: Readonly<Record<string, string>>
}

export const NEW_EMAIL = 'walrus-5521@example.com'
export const NEW_PASSWORD = 'ocelot staple battery 93'
export const PROMPT = 'Quokka-3308 asks a question'

export const before = (type: string): CrashPoint => ({ at: 'append', type, when: 'before' })
export const after = (type: string): FlowPoint => ({ at: 'append', type, when: 'after' })
export const sweptAfter = (type: string): FlowPoint => ({ ...after(type), swept: true })

/** What a first kill has left is killed again while the next start takes it up. */
export interface Recovery {
  readonly name: string
  readonly flow: Flow
  readonly left: CrashPoint
  /** So far before now the first process lived. */
  readonly agoMs?: number
  readonly points: readonly CrashPoint[]
  readonly ends: Outcome
}
