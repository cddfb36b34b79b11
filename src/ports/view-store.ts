/**
 * Read models: documents that a projection computes from the log, with the position they reflect.
 * May be lost at any moment and come back by replay. No query language: anything richer than this is
 * another projection. The store knows (name, version) of a projection and its declared indexes.
 */
import type { Position } from './event-store.ts'

/** Where the documents of one version of one projection live. */
export interface ViewCollection {
  readonly name: string
  readonly version: number
  /**
   * Declared look-ups: index name → equality fields, then one field to order by. Fields are top-level
   * properties of the document: strings or safe integers. Documents without them are not in the index.
   */
  readonly indexes: Readonly<Record<string, { equals: readonly string[]; orderBy?: string }>>
}

export interface ViewDocument {
  readonly key: string
  /** JSON-serialisable; its text is canonical (the same events give the same bytes). */
  readonly document: unknown
}

/** A document as it is stored; undefined where it was deleted. */
export interface ViewRow {
  readonly document: unknown
  readonly position: Position
}

/** What one batch of events makes of one view. */
export interface ViewBatch {
  readonly view: ViewCollection
  readonly documents: readonly (ViewDocument & { position: Position })[]
  readonly checkpoint: Position
}

/** Somebody removed a view while it was being written: it is to be made anew, from the beginning. */
export class ViewRemoved extends Error {
  constructor(id: string) {
    super(`the view ${id} was removed while it was being written: start again to rebuild it`)
    this.name = 'ViewRemoved'
  }
}

export interface ViewStore {
  get(view: ViewCollection, key: string): Promise<unknown>
  /**
   * Many at once, with the position that each reflects. A deleted document is there as undefined: whoever
   * folds must know what it has seen already.
   */
  getMany(view: ViewCollection, keys: readonly string[]): Promise<Map<string, ViewRow>>
  /**
   * Documents equal in all `equals` fields of the index, ordered by its `orderBy`, then key.
   * `after` is the cursor of the last row seen; cursors survive a rebuild.
   * `from`/`to` bound the orderBy field: from ≤ value < to.
   */
  find(
    view: ViewCollection,
    query: {
      index: string
      equals: Readonly<Record<string, string | number>>
      descending?: boolean
      after?: string
      limit: number
      from?: string | number
      to?: string | number
    },
  ): Promise<{ key: string; document: unknown; cursor: string }[]>
  /**
   * Writes batches in order, each with its checkpoint after its documents (all together where the store
   * has transactions). A document whose stored position is already ≥ its own is left alone, so applying
   * anything twice changes nothing; a checkpoint never goes back. `document: undefined` deletes.
   */
  putMany(batches: readonly ViewBatch[]): Promise<void>
  /** Position up to which every event has been applied; undefined for a new projection. */
  checkpoint(view: ViewCollection): Promise<Position | undefined>
  /** Every document in order of key, pages of `limit`: for comparing and rebuilding. */
  scan(
    view: ViewCollection,
    options: { after?: string; limit: number },
  ): Promise<{ key: string; document: unknown; position: Position }[]>
  /** Every version of every projection that exists, with its checkpoint. */
  collections(): Promise<{ name: string; version: number; checkpoint: Position }[]>
  /** It is no longer listed at once; who still reads it finds it as it was, or empty. */
  drop(view: { name: string; version: number }): Promise<void>
}

/** Snapshots of long streams live beside the views and are never truth. */
export interface SnapshotStore {
  load(stream: string, version: number): Promise<{ revision: number; state: unknown } | undefined>
  save(stream: string, version: number, revision: number, state: unknown): Promise<void>
  clear(): Promise<void>
}
