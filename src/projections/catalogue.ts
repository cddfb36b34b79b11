/**
 * What was ever published, by kind and name: for lists. The terms themselves are read from the streams.
 */
import { modelEvents } from '../domain/model/events.ts'
import { planEvents } from '../domain/plan/events.ts'
import { priceListEvents } from '../domain/price-list/events.ts'
import { projection } from './projection.ts'
import type { Page, Views } from './views.ts'

export type CatalogueKind = 'plan' | 'priceList' | 'model'
export interface CatalogueEntry {
  readonly kind: CatalogueKind
  readonly id: string
  readonly name: string
}

const events = { ...planEvents, ...priceListEvents, ...modelEvents }

export const catalogueEntries = projection<CatalogueEntry, typeof events>(events, {
  name: 'catalogue',
  version: 1,
  indexes: { kind: { equals: ['kind'], orderBy: 'name' } },
  on: {
    PlanPublished: {
      keys: ({ data }) => data.planId,
      project: (_view, { data }) => ({ kind: 'plan', id: data.planId, name: data.slug }),
    },
    PriceListPublished: {
      keys: ({ data }) => data.priceListId,
      project: (_view, { data }) => ({ kind: 'priceList', id: data.priceListId, name: data.name }),
    },
    ModelPublished: {
      keys: ({ data }) => data.modelId,
      project: (_view, { data }) => ({ kind: 'model', id: data.modelId, name: data.name }),
    },
  },
})

/** In order of name; of plans, of slug. */
export const listCatalogue = (
  views: Views,
  kind: CatalogueKind,
  page: { limit: number; after?: string },
): Promise<Page<CatalogueEntry>> =>
  views.find(catalogueEntries, { index: 'kind', equals: { kind }, ...page })
