/**
 * Collections of views that are no longer listed. Other processes may still read one for as long as
 * they remember where it was, so it goes after a while; one that a stop left behind is found at the
 * next opening. A name is never used again, so what is not listed never will be.
 */
import type { Logger } from '../../../ports/logger.ts'
import { ask, BATCH_MS, type MongoDatabase } from './database.ts'
import { COLLECTION_PREFIX, type ViewCatalogue } from './view-catalogue.ts'

export class LeftBehind {
  readonly #database: MongoDatabase
  readonly #catalogue: Pick<ViewCatalogue, 'read'>
  readonly #logger: Logger
  readonly #keepMs: number
  readonly #timers = new Set<NodeJS.Timeout>()

  /** `keepMs`: longer than any process remembers where documents are. */
  constructor(
    database: MongoDatabase,
    catalogue: Pick<ViewCatalogue, 'read'>,
    { logger, keepMs }: { logger: Logger; keepMs: number },
  ) {
    this.#database = database
    this.#catalogue = catalogue
    this.#logger = logger
    this.#keepMs = keepMs
  }

  /** Finds what earlier stops left behind. */
  async sweep(): Promise<void> {
    const { db } = this.#database
    // In this order: a view is listed before its collection is made.
    const collections = await ask(this.#database, BATCH_MS, () =>
      db.listCollections({}, { nameOnly: true }).toArray(),
    )
    const listed = await this.#listed()
    for (const { name } of collections)
      if (name.startsWith(COLLECTION_PREFIX) && !listed.has(name)) this.add(name)
  }

  add(collection: string): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      this.#drop(collection).catch((error: unknown) => {
        this.#logger.warn({ collection, error }, 'a dropped view stays until the next start')
      })
    }, this.#keepMs)
    timer.unref()
    this.#timers.add(timer)
  }

  /** Asked once more: right after a failover a server may not show yet what a majority has confirmed. */
  async #drop(collection: string): Promise<void> {
    if ((await this.#listed()).has(collection)) return
    await ask(this.#database, BATCH_MS, () => this.#database.db.dropCollection(collection))
  }

  async #listed(): Promise<ReadonlySet<string>> {
    return new Set((await this.#catalogue.read()).map(({ collection }) => collection))
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
