/**
 * Resources and actions that a policy names, compared with those that there are: one that nothing has
 * would deny nothing, and be noticed much later. Only what is new is compared, since a release may take
 * a name away from which a policy was made.
 */
import { Refusal } from '../refusal.ts'
import type { PolicyTerms, ResourceAccess } from './events.ts'

/** What a request is decided as. */
export interface DeclaredAccess {
  readonly resource: string
  readonly action: string
}

const SHOWN = 3

/**
 * @param changed the fields that are new; all of them where left out
 * @throws Refusal policy_invalid, with the nearest names that there are
 */
export function assertNames(
  terms: PolicyTerms,
  declared: readonly DeclaredAccess[],
  changed: ReadonlySet<string> = new Set(['resources', 'actions']),
): void {
  if (terms.kind !== 'resource_access') return
  const { resources, actions } = terms
  if (changed.has('resources'))
    assertKnown('resources', resources, new Set(declared.map(({ resource }) => resource)))
  if (changed.has('actions'))
    assertKnown('actions', actions, new Set(ofThese(terms, declared).map(({ action }) => action)))
}

/** An action is one of the resources that the policy names. */
function ofThese(
  { resources }: ResourceAccess,
  declared: readonly DeclaredAccess[],
): readonly DeclaredAccess[] {
  const named = declared.filter(({ resource }) => resources?.includes(resource))
  return named.length > 0 ? named : declared
}

function assertKnown(
  field: string,
  names: readonly string[] | undefined,
  known: ReadonlySet<string>,
): void {
  const unknown = names?.find((name) => !known.has(name))
  if (unknown === undefined) return
  const nearest = [...known]
    .map((name) => ({ name, distance: distance(name, unknown) }))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, SHOWN)
    .map(({ name }) => name)
  throw new Refusal('policy_invalid', { field, expected: nearest.join(', '), found: unknown })
}

/** So many letters are put in, left out or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, n) => n)
  for (const [n, letter] of a.split('').entries()) {
    const next = [n + 1]
    for (const [m, other] of b.split('').entries())
      next.push(
        Math.min(
          (next[m] ?? 0) + 1,
          (row[m + 1] ?? 0) + 1,
          (row[m] ?? 0) + (letter === other ? 0 : 1),
        ),
      )
    row = next
  }
  return row.at(-1) ?? 0
}
