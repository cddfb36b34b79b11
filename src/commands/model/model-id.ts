/**
 * The id of a model follows from its name: agents and price lists name models, and a call finds the
 * model's stream without a view.
 */
import { type Id, idFromUuid } from '../../domain/ids.ts'
import type { Ids } from '../../ports/ids.ts'
import { NAMESPACE } from '../context.ts'

export const modelIdOf = (ids: Ids, name: string): Id<'model'> =>
  idFromUuid('model', ids.derive(NAMESPACE, `model/${name}`))
