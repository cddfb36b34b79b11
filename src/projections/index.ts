/** Every read model that is filled from the log. */
import { openHolds } from './open-holds.ts'
import type { AnyProjection } from './projection.ts'

export const projections: readonly AnyProjection[] = [openHolds]
