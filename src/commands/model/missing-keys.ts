/**
 * Keys that published models name and this process was not given. Another process may have them, so
 * publishing is not refused: whoever publishes, starts or watches a process is told.
 */
import type { ModelInput } from '../../domain/model/events.ts'
import { model, modelIn } from '../../domain/model/model.ts'
import { listCatalogue } from '../../projections/catalogue.ts'
import type { Deps, Settings } from '../deps.ts'
import { keyState } from '../invocation/target.ts'

export function warningsOf(settings: Settings, terms: ModelInput): string[] {
  switch (keyState(settings, terms)) {
    case 'given':
      return []
    case 'not_set':
      return [`PROVIDER_URL_${terms.keyRef} is not set in this process: it cannot call the model.`]
    case 'elsewhere':
      return [
        `The base URL is not at the address of ${
          terms.keyRef === undefined ? 'OPENAI_BASE_URL' : `PROVIDER_URL_${terms.keyRef}`
        }: no key is sent there.`,
      ]
  }
}

const PAGE = 100

/** Names of the settings that models which take calls name and this process lacks. */
export async function missingKeys(
  deps: Pick<Deps, 'streams' | 'views' | 'settings'>,
): Promise<readonly string[]> {
  const missing = new Set<string>()
  let after: string | undefined
  do {
    const page = await listCatalogue(deps.views, 'model', {
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    })
    for (const { id } of page.items) {
      const found = modelIn((await deps.streams.load(model, id)).state)
      if (!found || found.retired || keyState(deps.settings, found.terms) !== 'not_set') continue
      missing.add(`PROVIDER_URL_${found.terms.keyRef}`)
    }
    after = page.next
  } while (after !== undefined)
  return [...missing].sort()
}
