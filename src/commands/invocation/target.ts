/**
 * Where a model is called, with which key, and how long each part may take. A key goes to the address
 * that it was set with and nowhere else: whoever publishes a model must not be able to have it sent
 * elsewhere, by mistake or to steal it.
 */
import type { ModelInput } from '../../domain/model/events.ts'
import type { LlmRequest, LlmTarget } from '../../ports/llm.ts'
import type { Settings } from '../deps.ts'

/** The installation's own key, under which models without a reference are called. */
const OWN_KEY = 'OPENAI_API_KEY'

type Keys = Pick<Settings, 'provider' | 'providers'>
type Addressed = Pick<ModelInput, 'baseUrl' | 'keyRef'>

/** `not_set`: this process does not have it. `elsewhere`: it is of another origin than the model. */
export type KeyState = 'given' | 'not_set' | 'elsewhere'

const settingOf = ({ provider, providers }: Keys, { keyRef }: Addressed) =>
  keyRef === undefined || keyRef === OWN_KEY ? provider : providers[keyRef]

const originOf = (address: string): string | undefined => URL.parse(address)?.origin

export function keyState(settings: Keys, terms: Addressed): KeyState {
  if (settings.provider.practice) return 'given'
  const setting = settingOf(settings, terms)
  if (!setting) return 'not_set'
  const { baseUrl = setting.baseUrl } = terms
  return originOf(baseUrl) === originOf(setting.baseUrl) ? 'given' : 'elsewhere'
}

/**
 * Where a model is called; undefined where its key is not here to be sent. The practice model answers for
 * all of them. A model of no reference at an address of its own is called without a key, as servers of
 * one's own are.
 */
export function targetOf(settings: Keys, terms: ModelInput): LlmTarget | undefined {
  const { provider } = settings
  if (provider.practice) return provider
  const state = keyState(settings, terms)
  const setting = settingOf(settings, terms)
  if (!setting) return undefined
  if (state === 'elsewhere' && setting !== provider) return undefined
  return {
    baseUrl: withQuery(terms.baseUrl ?? setting.baseUrl, terms.query),
    apiKey: state === 'given' ? setting.apiKey : '',
    model: terms.providerModel ?? terms.name,
    ...(terms.keyHeader === undefined ? {} : { keyHeader: terms.keyHeader }),
    ...(terms.headers === undefined ? {} : { headers: terms.headers }),
  }
}

function withQuery(address: string, query: ModelInput['query']): string {
  const url = query && URL.parse(address)
  if (!url) return address
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url.href
}

/** Shares of the longest life of a call: two silent attempts and a retry fit into it. */
export function timeoutsOf(
  { callLimitMs }: Pick<Settings, 'callLimitMs'>,
  { timeouts = {} }: Pick<ModelInput, 'timeouts'>,
): LlmRequest['timeouts'] & { readonly totalMs: number } {
  const within = (ms: number | undefined, share: number) => Math.min(ms ?? share, callLimitMs)
  return {
    connectMs: within(timeouts.connectMs, Math.min(10_000, callLimitMs / 10)),
    firstByteMs: within(timeouts.firstByteMs, callLimitMs / 4),
    betweenChunksMs: within(timeouts.betweenChunksMs, callLimitMs / 8),
    totalMs: within(timeouts.totalMs, callLimitMs),
  }
}
