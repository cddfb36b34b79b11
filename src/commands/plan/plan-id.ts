/** The id of a plan follows from its slug: no two plans have one slug, and it is found without a view. */
import { type Id, idFromUuid } from '../../domain/ids.ts'
import type { Ids } from '../../ports/ids.ts'
import { NAMESPACE } from '../context.ts'

export const planIdOf = (ids: Ids, slug: string): Id<'plan'> =>
  idFromUuid('plan', ids.derive(NAMESPACE, `plan/${slug}`))
