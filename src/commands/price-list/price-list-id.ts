/** The id of a price list follows from its name. */
import { type Id, idFromUuid } from '../../domain/ids.ts'
import type { Ids } from '../../ports/ids.ts'
import { NAMESPACE } from '../context.ts'

export const priceListIdOf = (ids: Ids, name: string): Id<'priceList'> =>
  idFromUuid('priceList', ids.derive(NAMESPACE, `priceList/${name}`))
