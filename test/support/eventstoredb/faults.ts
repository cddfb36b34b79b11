/**
 * Misbehaviour on command. A fault holds for the next `times` calls that it fits, or until it is lifted;
 * `stream` and `skip` choose which. The first fault that fits a call is the one that happens to it.
 */

export type Fault = Readonly<
  { times?: number; stream?: string; skip?: number } & (
    | { kind: 'drop'; when: 'before-commit' | 'after-commit' }
    | { kind: 'die'; when: 'before-commit' | 'during-commit' | 'after-commit' }
    | { kind: 'delay'; ms: number }
    | { kind: 'timeout'; when: 'before-commit' | 'after-commit' }
    | { kind: 'not-leader'; host?: string; port?: number }
    | { kind: 'busy' }
    | { kind: 'drop-read' }
    | { kind: 'busy-read' }
    | { kind: 'delay-read'; ms: number }
  )
>

type AppendFault = Exclude<Fault, { kind: `${string}-read` }>
type ReadFault = Extract<Fault, { kind: `${string}-read` }>

export interface Faults {
  /** Sets a fault; answers how to lift it. */
  add(fault: Fault): () => void
  /** Lifts every fault, also a freeze. */
  lift(): void
  /** From now on nothing is read, answered or kept alive; connections are still accepted. */
  freeze(): void
  thaw(): void
  /** Every open subscription ends with UnavailableError. */
  endSubscriptions(): void
  /** Every open subscription stays open and says nothing any more. */
  muteSubscriptions(): void
}

interface Armed {
  readonly fault: Fault
  left: number
  skip: number
}

/** Which fault happens to which call. */
export class ArmedFaults {
  #armed: Armed[] = []

  add(fault: Fault): () => void {
    const armed = { fault, left: fault.times ?? Infinity, skip: fault.skip ?? 0 }
    this.#armed.push(armed)
    return () => this.#remove(armed)
  }

  lift(): void {
    this.#armed = []
  }

  forAppend(stream: string): AppendFault | undefined {
    return this.#take(stream, (fault) => !isReadFault(fault)) as AppendFault | undefined
  }

  forRead(stream: string): ReadFault | undefined {
    return this.#take(stream, isReadFault) as ReadFault | undefined
  }

  #take(stream: string, fits: (fault: Fault) => boolean): Fault | undefined {
    if (this.#armed.length === 0) return undefined
    const armed = this.#armed.find(
      ({ fault }) => fits(fault) && stream.startsWith(fault.stream ?? ''),
    )
    if (!armed) return undefined
    if (armed.skip > 0) {
      armed.skip--
      return undefined
    }
    armed.left--
    if (armed.left <= 0) this.#remove(armed)
    return armed.fault
  }

  #remove(armed: Armed): void {
    this.#armed = this.#armed.filter((one) => one !== armed)
  }
}

const isReadFault = (fault: Fault): fault is ReadFault => fault.kind.endsWith('-read')
