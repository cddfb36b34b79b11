/**
 * Queries open what views keep sealed. A value whose key is gone comes as erased; as text it is null.
 */
import { ERASED, type Maybe, type Sealed } from '../domain/personal.ts'
import type { Sealer } from '../ports/sealer.ts'

type Opener = Pick<Sealer, 'open'>

export const openSealed = async (sealer: Opener, value: Sealed): Promise<Maybe<unknown>> =>
  value.sealed === '' ? ERASED : sealer.open(value)

/** A sealed text; null where there is none or it was erased. */
export async function openText(sealer: Opener, value: Sealed | undefined): Promise<string | null> {
  const opened = value && (await openSealed(sealer, value))
  return typeof opened === 'string' ? opened : null
}
