/**
 * Providers beside the installation's own: PROVIDER_URL_NAME with PROVIDER_KEY_NAME (or
 * PROVIDER_KEY_NAME_FILE). A model names NAME; the key goes to the origin of its own address alone.
 */
export interface ProviderSetting {
  readonly url: string
  /** '' for a server that asks for none. */
  readonly key: string
}

type Values = Readonly<Record<string, string | undefined>>

/** For the documents: what the settings are called, and what they are for. */
export const providerSettings = [
  {
    name: 'PROVIDER_URL_NAME',
    description:
      'Another provider, which models name as key_ref NAME: its address up to and with /v1. NAME is ' +
      'yours: capitals, digits and _, as in PROVIDER_URL_AZURE. Any number of them.',
    default: undefined,
    secret: false,
  },
  {
    name: 'PROVIDER_KEY_NAME',
    description:
      'The key of PROVIDER_URL_NAME; sent to the host and port of that address and nowhere else. ' +
      'Left out for a server that asks for none.',
    default: undefined,
    secret: true,
  },
] as const

const URL_OF = /^PROVIDER_URL_(.*)$/
const KEY_OF = /^PROVIDER_KEY_(.*?)(?:_FILE)?$/
const NAME = /^[A-Z][A-Z0-9_]{0,63}$/
/** What a header can carry. */
const SENDABLE = /^[\x21-\x7e]+$/

/** @param valueOf reads a setting, its file included, and reports what is wrong with it */
export function readProviders(
  values: Values,
  valueOf: (name: string) => string | undefined,
  problems: string[],
): Readonly<Record<string, ProviderSetting>> {
  const providers: Record<string, ProviderSetting> = {}
  for (const name of namesOf(values)) {
    const before = problems.length
    const url = valueOf(`PROVIDER_URL_${name}`)
    const key = valueOf(`PROVIDER_KEY_${name}`) ?? ''
    if (url === undefined && key === '') continue
    problems.push(...problemsOf(name, url, key))
    if (problems.length === before && url !== undefined)
      providers[name] = Object.freeze({ url: url.replace(/\/+$/, ''), key })
  }
  return Object.freeze(providers)
}

function namesOf(values: Values): readonly string[] {
  const found = Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === ''
      ? []
      : ((URL_OF.exec(name) ?? KEY_OF.exec(name))?.[1] ?? []),
  )
  return [...new Set(found)].sort()
}

function* problemsOf(name: string, url: string | undefined, key: string): Iterable<string> {
  const [address, secret] = [`PROVIDER_URL_${name}`, `PROVIDER_KEY_${name}`]
  if (!NAME.test(name) || name === 'OPENAI_API_KEY' || name.endsWith('_FILE'))
    yield `${address}: "${name}" is no name for a provider: a capital letter, then capitals, digits and _`
  else if (url === undefined)
    yield `${address}: required with ${secret}: the key is sent to that address and nowhere else`
  else if (!isAddress(url)) yield `${address}: an http(s) address without a user, ? and #`
  if (key !== '' && !SENDABLE.test(key))
    yield `${secret}: has characters that no header can carry, such as a blank or a line break`
}

function isAddress(text: string): boolean {
  const url = URL.parse(text)
  if (!url || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false
  return url.username === '' && url.password === '' && url.search === '' && url.hash === ''
}
