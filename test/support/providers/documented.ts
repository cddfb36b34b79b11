/** The model files that docs/providers.md shows: what tests publish is what people copy. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ModelBody, modelBody } from '../../../src/commands/model/model-body.ts'
import { root } from '../repository.ts'
import type { ProviderServer } from './server.ts'

const text = readFileSync(join(root, 'docs/providers.md'), 'utf8')
const files = [...text.matchAll(/```json\n([\s\S]*?)```/gu)].map(([, json = '']) =>
  modelBody.parse(JSON.parse(json)),
)

/** The documented file of a provider. */
export function documentedModel(provider: string): ModelBody {
  const found = files.find((file) => file.provider === provider)
  if (!found) throw new Error(`docs/providers.md shows no file for ${provider}`)
  return found
}

/** The same at another origin. */
export function at(server: Pick<ProviderServer, 'origin'>, body: ModelBody): ModelBody {
  if (body.base_url === undefined) return body
  const { pathname } = new URL(body.base_url)
  return { ...body, base_url: `${server.origin}${pathname}` }
}

/** The documented settings of a provider, at another origin and with the key of a test. */
export function settingsFor(
  server: Pick<ProviderServer, 'origin'>,
  { name, key }: { readonly name: string; readonly key: string },
): Record<string, string> {
  if (name === 'openai') return { OPENAI_BASE_URL: `${server.origin}/v1`, OPENAI_API_KEY: key }
  const NAME = name.toUpperCase()
  const shown = new RegExp(`^PROVIDER_URL_${NAME}=(.*)$`, 'mu').exec(text)?.[1] ?? ''
  const { pathname } = new URL(shown)
  return {
    [`PROVIDER_URL_${NAME}`]: `${server.origin}${pathname}`,
    ...(key === '' ? {} : { [`PROVIDER_KEY_${NAME}`]: key }),
  }
}
