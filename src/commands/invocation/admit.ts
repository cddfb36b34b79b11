/**
 * Admission: the prompt is rendered, its texts are durable, the most that the call can cost is held.
 * After this the call can be accepted from the hold alone, by this process or by a retry after a crash.
 */
import { account } from '../../domain/account/account.ts'
import type { PlaceHold } from '../../domain/account/commands.ts'
import { type Hold, holdOf } from '../../domain/account/state.ts'
import type { AbortPolicy } from '../../domain/agent/events.ts'
import {
  assertAllowed,
  type Conversation,
  converse,
  type Prompt,
  splitMetadata,
} from '../../domain/agent/conversation.ts'
import { render } from '../../domain/agent/template.ts'
import {
  type Accepted,
  invocationMetadata,
  type InvocationMetadata,
} from '../../domain/invocation/events.ts'
import { Refusal } from '../../domain/refusal.ts'
import type { OrganizationRole } from '../../domain/organization/events.ts'
import type { OrganizationActor } from '../access.ts'
import { admissionAgain, admitCall, type CallToAdmit } from '../admission/admit-call.ts'
import type { Rate } from '../admission/limiter.ts'
import { readContent, storeContent } from '../contents.ts'
import type { Root } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { SpendShare } from '../spend/ceiling.ts'
import { accountStep, instantOf } from './flow.ts'
import { boundOf, type CallTerms, outputLimit, termsFor } from './terms.ts'

export interface InvokeInput {
  readonly agentId: string
  readonly input: unknown
  readonly variables?: Readonly<Record<string, unknown>>
  readonly label?: string
  /** The caller's own end user. */
  readonly user?: string
  readonly metadata?: InvocationMetadata
  /** The turns around the input, and what is wanted of the model: the version says what it takes. */
  readonly conversation?: Conversation
  /** The answer may be shorter than the version allows, never longer. */
  readonly maxTokens?: number
  /** Tells a repeat of a client that retries without a key. */
  readonly retryDigest?: string
}

export interface Caller {
  /** The person, or the key that acts for no person. */
  readonly userId?: string
  readonly keyId?: string
  readonly orgId: string
  readonly role?: OrganizationRole | 'key'
  /** Keyed digest of the network address that the call comes from. */
  readonly origin?: string | undefined
}

/** Everything that the call needs from here on. */
export interface Admitted {
  readonly accepted: Accepted
  readonly terms: CallTerms
  /** undefined where the texts went between the hold and a retry. */
  readonly prompt: Prompt | undefined
  /** Of the platform's spend ceiling; whoever carries out the call ends it. */
  readonly spend: SpendShare
  /** How its tightest limit stands; undefined where it took nothing of one. */
  readonly rate: Rate | undefined
}

/** The one text of a call before its answer: what was sent, and what was made of it. */
interface Request extends Prompt {
  readonly input: unknown
  readonly variables: Readonly<Record<string, unknown>>
}
const requestText = (request: Request): string => JSON.stringify(request)

export async function readPrompt(
  deps: Pick<Deps, 'contents' | 'sealer'>,
  part: { readonly ref: string },
): Promise<Prompt | undefined> {
  const text = await readContent(deps, part)
  // Written by requestText.
  return text === undefined ? undefined : (JSON.parse(text) as Request)
}

/** What the version makes of a request. */
interface Prepared {
  readonly variables: Readonly<Record<string, unknown>>
  readonly metadata: InvocationMetadata
  readonly prompt: Prompt
}

/** @throws Refusal parameter_not_allowed, and what render throws */
function prepare({ version }: CallTerms, request: InvokeInput): Prepared {
  const { input, conversation } = request
  if (conversation) assertAllowed(version, conversation)
  const { variables, metadata } = labelled(version, request)
  const { messages } = render(version, { input, variables })
  if (!conversation) return { variables, metadata, prompt: { messages } }
  const { options } = conversation
  const wanted = Object.keys(options).length > 0 ? { options } : {}
  const prompt = { messages: converse(version, messages, conversation), ...wanted }
  return { variables, metadata, prompt }
}

/** A conversation has one place for values of variables and for tags. */
function labelled(version: CallTerms['version'], request: InvokeInput) {
  const { variables = {}, metadata = {}, conversation } = request
  if (!conversation) return { variables, metadata }
  const { values, tags } = splitMetadata(version, metadata)
  const { error } = invocationMetadata.safeParse(tags)
  if (error) {
    // What is too long for a tag would have been a value, if the version had a variable of that name.
    const [name] = error.issues[0]?.path ?? []
    const parameter = name === undefined ? 'metadata' : `metadata.${String(name)}`
    throw new Refusal('parameter_not_allowed', { parameter, setting: 'variables' })
  }
  return { variables: { ...values, ...variables }, metadata: tags }
}

export const callerOf = (actor: OrganizationActor, origin?: string): Caller => {
  const { orgId } = actor
  if (orgId === undefined) throw new Refusal('organization_required')
  if (actor.kind === 'key') return { keyId: actor.keyId, orgId, role: 'key', origin }
  const { userId, role } = actor
  return { userId, orgId, origin, ...(role === undefined ? {} : { role }) }
}

/** Who asked, as events store it. */
const byWhom = ({ userId, keyId }: Caller) => ({
  ...(userId === undefined ? {} : { userId }),
  ...(keyId === undefined ? {} : { keyId }),
})

/** Tells two requests with one key apart. Without a key nothing is ever compared. */
export const requestDigest = ({ ids }: Pick<Deps, 'ids'>, root: Root): string =>
  root.digest ?? ids.sha256(root.id)

/**
 * @throws Refusal of the agent, the variables, the terms, or insufficient_credit, account_not_found,
 *   request_too_old, idempotency_key_reused, budget_exceeded, spend_ceiling_reached, policy_denied,
 *   rate_limited
 */
export async function admit(
  deps: Deps,
  caller: Caller,
  root: Root,
  invocationId: string,
  request: InvokeInput,
): Promise<Admitted> {
  const open = await holdBefore(deps, caller, root, invocationId)
  if (open) return again(deps, caller, request, open)
  const at = instantOf(deps)
  const { orgId } = caller
  const { agentId, label, maxTokens } = request
  const terms = await termsFor(deps, { orgId, agentId, label, maxTokens, at })
  const { variables, prompt } = prepare(terms, request)
  const { priceNanos, costNanos, tokens } = await boundOf(deps, terms, prompt)
  const asked = holdCommand(deps, caller, root, request, terms)
  const wanted = callToAdmit(caller, { ...asked, invocationId, at }, terms, tokens)
  const admitted = await admitCall(deps, wanted)
  const { budgets, rate } = admitted
  const command = {
    ...asked,
    ...(budgets.length > 0 ? { budgets } : {}),
    invocationId,
    amountNanos: priceNanos,
    costBoundNanos: costNanos.toString(),
    at,
  }
  const text = requestText({ input: request.input, variables, ...prompt })
  let held: Held
  try {
    held = await holdCredit(deps, caller, root, command, text)
  } catch (error) {
    await admitted.undo('all')
    throw error
  }
  const { hold, spend } = held
  if (held.isNew) {
    const accepted = {
      ...acceptedFrom(deps, caller, request, hold, terms),
      decision: admitted.admission,
    }
    return { accepted, terms, prompt, spend, rate }
  }
  // The same wish was there first: its place is this one's too.
  spend.end(0n)
  await admitted.undo('units')
  return again(deps, caller, request, hold)
}

interface Held {
  readonly hold: Hold
  readonly isNew: boolean
  readonly spend: SpendShare
}

async function holdCredit(
  deps: Deps,
  caller: Caller,
  root: Root,
  command: Omit<PlaceHold, 'contents'> & { readonly costBoundNanos: string },
  text: string,
): Promise<Held> {
  const { at, costBoundNanos } = command
  // Refused before anything is stored; the append decides.
  await deps.streams.check(account, caller.orgId, { ...command, contents: [] })
  const spend = await deps.spend.reserve({ at, costNanos: BigInt(costBoundNanos) })
  try {
    return { ...(await placeHold(deps, caller, root, command, text)), spend }
  } catch (error) {
    spend.end(0n)
    throw error
  }
}

/** The texts are durable before the hold that names them. */
async function placeHold(
  deps: Deps,
  { userId, orgId }: Caller,
  root: Root,
  command: Omit<PlaceHold, 'contents'>,
  text: string,
): Promise<{ readonly hold: Hold; readonly isNew: boolean }> {
  const { invocationId, at } = command
  const part = await storeContent(deps, {
    // What a key sends is the organization's.
    owner: userId ?? orgId,
    day: at,
    part: 'request',
    text,
    name: invocationId,
  })
  const placed = await deps.streams.transact(
    account,
    orgId,
    { ...command, contents: [part] },
    accountStep(deps, root, 'hold'),
  )
  const hold = holdOf(placed.state, invocationId)
  if (!hold) throw new Refusal('request_too_old')
  return { hold, isNew: placed.events.length > 0 }
}

/** A retry of a key whose first try died between hold and acceptance, or is there right now. */
async function holdBefore(
  deps: Deps,
  { orgId }: Caller,
  root: Root,
  invocationId: string,
): Promise<Hold | undefined> {
  if (root.digest === undefined) return undefined
  const { state } = await deps.streams.load(account, orgId)
  const hold = holdOf(state, invocationId)
  if (hold && hold.requestDigest !== root.digest) throw new Refusal('idempotency_key_reused')
  return hold
}

const callToAdmit = (
  caller: Caller,
  of: Pick<Hold, 'invocationId' | 'agentId' | 'at'> & { readonly endUser?: string | undefined },
  { sharedAgent, chain }: CallTerms,
  expectedTokens: number,
): CallToAdmit => ({
  ...caller,
  invocationId: of.invocationId,
  agentId: of.agentId,
  endUser: of.endUser,
  sharedAgent,
  models: chain.map(({ link }) => link.model),
  aliases: new Map(chain.map(({ model: one }) => [one.name, one.aliases ?? []])),
  expectedTokens,
  at: of.at,
})

/** From the hold as it stands: nothing is rendered, counted or stored a second time. */
async function again(
  deps: Deps,
  caller: Caller,
  request: InvokeInput,
  hold: Hold,
): Promise<Admitted> {
  const { agentId, at } = hold
  const terms = await termsFor(deps, {
    orgId: caller.orgId,
    agentId,
    label: hold.label,
    maxTokens: request.maxTokens,
    at,
    hold,
  })
  const before = callToAdmit(caller, hold, terms, 0)
  const decision = await admissionAgain(deps, before)
  const accepted = { ...acceptedFrom(deps, caller, request, hold, terms), decision }
  const prompt = await readPrompt(deps, accepted.messages)
  const spend = await deps.spend.reserve({ at, costNanos: BigInt(hold.costBoundNanos ?? 0) })
  return { accepted, terms, prompt, spend, rate: undefined }
}

function holdCommand(
  deps: Deps,
  caller: Caller,
  root: Root,
  { agentId, user }: InvokeInput,
  { version, label, priceList, chain }: CallTerms,
): Omit<PlaceHold, 'invocationId' | 'amountNanos' | 'at' | 'contents'> {
  return {
    type: 'PlaceHold',
    requestedAt: root.at,
    ...byWhom(caller),
    ...(user === undefined ? {} : { endUser: deps.sealer.hmac('endUser', user) }),
    agentId,
    agentVersion: version.version,
    label,
    model: chain[0]?.link.model ?? '',
    priceListId: priceList.id,
    priceListVersion: priceList.version,
    requestDigest: requestDigest(deps, root),
    ...(deps.settings.provider.practice ? { practice: true as const } : {}),
  }
}

function acceptedFrom(
  deps: Deps,
  caller: Caller,
  request: InvokeInput,
  hold: Hold,
  terms: CallTerms,
): Accepted {
  const { version, label, settings, priceList, chain } = terms
  const { user, retryDigest } = request
  const [part] = hold.contents
  if (!part || hold.requestDigest === undefined)
    throw new Error('a hold names the texts and the request of its call')
  const stored = { ref: part.ref, digest: part.digest, size: part.size }
  const [first] = chain
  const taken = chain.some(({ model }) => model.parameters.temperature)
  return {
    invocationId: hold.invocationId,
    orgId: caller.orgId,
    ...byWhom(caller),
    ...(hold.endUser === undefined ? {} : { endUser: hold.endUser }),
    ...(user === undefined ? {} : { endUserText: user }),
    metadata: labelled(version, request).metadata,
    agentId: hold.agentId,
    agentVersion: hold.agentVersion,
    label,
    parameters: {
      maxTokens: first ? outputLimit(first.model, settings.maxTokens) : settings.maxTokens,
      ...(settings.temperature === undefined || !taken
        ? {}
        : { temperature: settings.temperature }),
    },
    priceList,
    chain: chain.map(({ link }) => link),
    holdNanos: hold.amountNanos,
    ...(hold.costBoundNanos === undefined ? {} : { costBoundNanos: hold.costBoundNanos }),
    abortPolicy: abortPolicyOf(version.abortPolicy, terms),
    onProviderFailure: version.onProviderFailure,
    store: version.store,
    contentSubject: part.ref.slice(0, part.ref.lastIndexOf('/')),
    input: stored,
    messages: stored,
    requestDigest: hold.requestDigest,
    ...(retryDigest === undefined ? {} : { retryDigest }),
    acceptedAt: instantOf(deps),
    deadline: new Date(Date.parse(hold.at) + deps.settings.callLimitMs).toISOString(),
    practice: hold.practice === true,
  }
}

/**
 * What a model thinks before its answer is charged but never arrives as text, so a call to it that is
 * broken off cannot be estimated: it is drained, and charged what the provider reports. Models that think
 * take no temperature.
 */
const abortPolicyOf = (wanted: AbortPolicy, { chain }: CallTerms): AbortPolicy =>
  wanted === 'cancel_estimate' && chain.some(({ model }) => !model.parameters.temperature)
    ? 'drain'
    : wanted
