/** Events of some 500 bytes with their envelope, as commands write them. */
import type { NewEvent } from '../src/ports/event-store.ts'

/** An event before it is made text. */
export interface Fact {
  readonly id: string
  readonly type: string
  readonly data: Readonly<Record<string, string>>
  readonly metadata: Readonly<Record<string, unknown>>
}

export function factOf(at: string): Fact {
  const id = crypto.randomUUID()
  return {
    id,
    type: 'HoldReleased',
    data: {
      invocationId: `inv_${id}`,
      holdNanos: '250000000',
      reason: 'canceled',
      note: 'x'.repeat(130),
      at,
    },
    metadata: {
      v: 1,
      recordedAt: at,
      commandId: id,
      $correlationId: id,
      $causationId: id,
      actor: { kind: 'operator' },
    },
  }
}

export const textOf = ({ id, type, data, metadata }: Fact): NewEvent => ({
  id,
  type,
  data: JSON.stringify(data),
  metadata: JSON.stringify(metadata),
})

export const eventOf = (at: string): NewEvent => textOf(factOf(at))
