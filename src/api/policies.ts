/**
 * Policies over HTTP: an organization's own, changed by its admins, beside those of the platform that
 * bind it; and the platform's, by an administrator. Read from their streams, so an answer is of this
 * moment. The ETag is the policy's version: others in the same stream do not move it.
 */
import { z } from 'zod'
import type { AccessRule, Actor } from '../commands/access.ts'
import type { Deps } from '../commands/deps.ts'
import {
  changePolicy,
  createPolicy,
  disablePolicy,
  type PolicyWritten,
} from '../commands/policy/change-policy.ts'
import {
  ownPolicies,
  policyFor,
  policyVersions,
  visiblePolicies,
} from '../commands/policy/find-policy.ts'
import {
  changesOf,
  policyBody,
  policyChangesBody,
  termsOf,
} from '../commands/policy/policy-body.ts'
import { idSchema } from '../domain/ids.ts'
import { type PolicyOwner, policyTerms } from '../domain/policy/events.ts'
import type { PolicyRecord } from '../domain/policy/policy-set.ts'
import { Refusal } from '../domain/refusal.ts'
import type { Page } from '../projections/views.ts'
import { organizationOf } from './actor.ts'
import { listPage, pageOf, pageQuery } from './pages.ts'
import {
  policySchema,
  policyWithVersionsSchema,
  showPolicy,
  showVersion,
} from './policy-schemas.ts'
import { type AnyRoute, type Answer, route } from './route.ts'

/** One of the two doors: whose policies they are, and who may use it. */
interface Door {
  readonly path: '/policies' | '/admin/policies'
  readonly tag: string
  readonly access: (action: string) => AccessRule
  readonly ownerOf: (actor: Actor) => PolicyOwner
}

const ofOrganization: Door = {
  path: '/policies',
  tag: 'policies',
  access: (action) => ({
    actor: 'user',
    role: 'admin',
    resource: 'policy',
    action,
    limits: ['request'],
  }),
  ownerOf: organizationOf,
}
const ofPlatform: Door = {
  path: '/admin/policies',
  tag: 'admin',
  access: (action) => ({
    actor: 'administrator',
    resource: 'policy',
    action,
    limits: ['request'],
  }),
  ownerOf: () => 'platform',
}

const params = z.strictObject({ id: idSchema('policy') })
const kinds = policyTerms.options.map(({ shape }) => shape.kind.value)
const isOwn = ({ path }: Door): boolean => path === '/policies'

/** @param routes all of them: what there is to name */
export const policyRoutes = (deps: Deps, routes: Routes): AnyRoute[] =>
  doorRoutes(withNames(deps, routes), ofOrganization)
export const adminPolicyRoutes = (deps: Deps, routes: Routes): AnyRoute[] =>
  doorRoutes(withNames(deps, routes), ofPlatform)

type Routes = () => readonly Pick<AnyRoute, 'access'>[]
const withNames = (deps: Deps, routes: Routes): PolicyDeps => ({
  ...deps,
  declared: () => routes().map(({ access }) => access),
})

const doorRoutes = (deps: PolicyDeps, door: Door): AnyRoute[] => [
  listRoute(deps, door),
  createRoute(deps, door),
  readRoute(deps, door),
  changeRoute(deps, door),
  disableRoute(deps, door),
]

type PolicyDeps = Deps & Parameters<typeof createPolicy>[0]

const page = (
  policies: readonly PolicyRecord[],
  { limit, after }: { limit: number; after?: string },
): Page<PolicyRecord> => {
  const start =
    after === undefined ? 0 : policies.findIndex(({ policyId }) => policyId === after) + 1
  const items = policies.slice(start, start + limit)
  const next = start + items.length < policies.length ? items.at(-1)?.policyId : undefined
  return { items, next }
}

const listRoute = (deps: Deps, door: Door) =>
  route({
    method: 'GET',
    path: door.path,
    tag: door.tag,
    summary: isOwn(door) ? 'Policies that bind the organization' : 'Policies of the platform',
    description: isOwn(door)
      ? "The organization's own, disabled ones too, then those of the platform (`owner: platform`)."
      : 'Those that the platform began with, then others, in order of creation.',
    access: door.access('list'),
    query: z.strictObject({
      ...pageQuery,
      kind: z.exactOptional(z.enum(kinds)),
      enabled: z.exactOptional(z.enum(['true', 'false'])),
    }),
    answers: { 200: { description: 'A page of policies.', schema: pageOf(policySchema) } },
    async handler({ actor, query }) {
      const owner = door.ownerOf(actor)
      const { kind, enabled } = query
      const all = await (isOwn(door) ? visiblePolicies(deps, owner) : ownPolicies(deps, owner))
      const wanted = all.filter(
        (one) =>
          (kind === undefined || one.terms.kind === kind) &&
          (enabled === undefined || String(one.enabled) === enabled),
      )
      const list = ['policies', owner, kind, enabled]
      return {
        body: await listPage(
          deps,
          list,
          query,
          (wish) => Promise.resolve(page(wanted, wish)),
          showPolicy,
        ),
      }
    },
  })

/** The policy after a change, for who made it. */
async function written(
  deps: Deps,
  owner: PolicyOwner,
  { policyId, position }: PolicyWritten,
): Promise<Answer> {
  const policy = await policyFor(deps, owner, policyId)
  return { body: showPolicy(policy), revision: policy.version, position }
}

const createRoute = (deps: PolicyDeps, door: Door) =>
  route({
    method: 'POST',
    path: door.path,
    tag: door.tag,
    summary: isOwn(door) ? 'Make a policy for the organization' : 'Make a policy of the platform',
    description: isOwn(door)
      ? 'It can only narrow: it denies and limits what happens in the organization. At most 1,000.'
      : 'It binds every organization. At most 1,000.',
    access: door.access('create'),
    body: policyBody,
    answers: { 201: { description: 'It binds from now on.', schema: policySchema } },
    problems: ['policy_invalid', 'policy_widens', 'too_many_policies', 'agent_not_found'],
    async handler({ actor, body, root }) {
      const owner = door.ownerOf(actor)
      const made = await createPolicy(deps, root, { owner, terms: termsOf(body) })
      const headers = { location: `${door.path}/${made.policyId}` }
      return { ...(await written(deps, owner, made)), status: 201, headers }
    },
  })

const readRoute = (deps: Deps, door: Door) =>
  route({
    method: 'GET',
    path: `${door.path}/{id}`,
    tag: door.tag,
    summary: 'One policy, now or at a version, and which versions there are',
    description: 'The `ETag` is the version that it is at now.',
    access: door.access('read'),
    params,
    query: z.strictObject({
      version: z.exactOptional(
        z
          .string()
          .regex(/^[1-9]\d{0,8}$/, 'a whole number above 0')
          .transform(Number)
          .meta({ description: 'The terms of this version; the newest where absent.' }),
      ),
    }),
    answers: { 200: { description: 'The policy.', schema: policyWithVersionsSchema } },
    problems: ['policy_not_found', 'version_not_found'],
    async handler({ actor, params: { id }, query: { version } }) {
      const owner = door.ownerOf(actor)
      const policy = await policyFor(deps, owner, id)
      const all = await policyVersions(deps, owner, policy)
      const then = all.find((one) => one.version === version)
      if (version !== undefined && !then)
        throw new Refusal('version_not_found', { version, latest: policy.version })
      return { body: showVersion(policy, then, all), revision: policy.version }
    },
  })

/** @throws Refusal policy_not_found; forbidden for a policy that binds the organization and is not its own */
async function ownedBy(deps: Deps, owner: PolicyOwner, policyId: string): Promise<void> {
  const policy = await policyFor(deps, owner, policyId)
  if (policy.owner !== owner) throw new Refusal('forbidden', { needed: 'administrator' })
}

const changeRoute = (deps: PolicyDeps, door: Door) =>
  route({
    method: 'PATCH',
    path: `${door.path}/{id}`,
    tag: door.tag,
    summary: 'Change a policy, disable it or let it bind again',
    description:
      'What is left out stays, null takes a field away; the kind never changes. Each change is a ' +
      'version. `If-Match` is honoured.',
    access: door.access('update'),
    params,
    body: policyChangesBody,
    answers: { 200: { description: 'The policy now.', schema: policySchema } },
    problems: [
      'policy_not_found',
      'policy_invalid',
      'policy_widens',
      'too_many_policies',
      'agent_not_found',
      'forbidden',
      'precondition_failed',
    ],
    async handler({ actor, params: { id: policyId }, body, root, ifRevision: ifVersion }) {
      const owner = door.ownerOf(actor)
      await ownedBy(deps, owner, policyId)
      const change = { owner, policyId, ...changesOf(body), ifVersion }
      return written(deps, owner, await changePolicy(deps, root, change))
    },
  })

const disableRoute = (deps: Deps, door: Door) =>
  route({
    method: 'DELETE',
    path: `${door.path}/{id}`,
    tag: door.tag,
    summary: 'Disable a policy',
    description: 'It binds nobody any more and stays readable. `If-Match` is honoured.',
    access: door.access('disable'),
    params,
    answers: { 204: { description: 'Disabled.' } },
    problems: ['policy_not_found', 'forbidden', 'precondition_failed'],
    async handler({ actor, params: { id: policyId }, root, ifRevision: ifVersion }) {
      const owner = door.ownerOf(actor)
      await ownedBy(deps, owner, policyId)
      const { position } = await disablePolicy(deps, root, { owner, policyId, ifVersion })
      return { position }
    },
  })
