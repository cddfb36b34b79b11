/**
 * An administrator who takes the platform's limits away: a test signs in more people from one place in a
 * second than anybody may in an hour. Tests of limits keep them (`limits: 'kept'`).
 */
import { randomUUID } from 'node:crypto'
import { step } from '../../src/commands/context.ts'
import type { Deps } from '../../src/commands/deps.ts'
import { policiesOf, policySet } from '../../src/domain/policy/policy-set.ts'

export async function takeLimitsAway({
  streams,
  ids,
  clock,
}: Pick<Deps, 'streams' | 'ids' | 'clock'>): Promise<void> {
  const { state } = await streams.load(policySet('platform'), 'platform')
  const at = clock.now().toISOString()
  const id = randomUUID()
  const root = { id, actor: { kind: 'operator' as const }, at, correlationId: id, causationId: id }
  const limits = policiesOf(state).filter(
    ({ enabled, terms }) => enabled && terms.kind === 'rate_limit',
  )
  await Promise.all(
    limits.map(({ policyId }) =>
      streams.transact(
        policySet('platform'),
        'platform',
        { type: 'DisablePolicy', policyId, at },
        step(ids, root, policyId),
      ),
    ),
  )
}
