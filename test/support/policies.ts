/** Policies for tests, made by the application's own commands. */
import { createPolicy } from '../../src/commands/policy/change-policy.ts'
import type { PolicyOwner, PolicyTerms } from '../../src/domain/policy/events.ts'
import type { TestApp } from './app.ts'
import { operatorRoot } from './seed.ts'

type Limit = Extract<PolicyTerms, { kind: 'rate_limit' }>

export async function addPolicy(
  { app: { deps, routes } }: TestApp,
  owner: PolicyOwner,
  terms: PolicyTerms,
): Promise<string> {
  const declared = () => routes.map(({ access }) => access)
  const root = operatorRoot(deps)
  return (await createPolicy({ ...deps, declared }, root, { owner, terms })).policyId
}

export const addLimit = (
  test: TestApp,
  owner: PolicyOwner,
  terms: Partial<Limit> & Pick<Limit, 'limit'>,
): Promise<string> =>
  addPolicy(test, owner, {
    kind: 'rate_limit',
    name: 'a limit of the test',
    on: 'invoke',
    measure: 'requests',
    per: 'organization',
    ...terms,
  })
