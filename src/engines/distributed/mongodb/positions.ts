/** Positions as 64-bit integers: a double would lose the last digits of large ones. */
import { Long } from 'mongodb'
import type { Position } from '../../../ports/event-store.ts'

export const toLong = (position: Position): Long => Long.fromBigInt(position)

/** The driver gives small ones as numbers. */
export const toPosition = (stored: Long | number): Position =>
  typeof stored === 'number' ? BigInt(stored) : stored.toBigInt()
