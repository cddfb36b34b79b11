/** Stands between a store and the driver: its writes can be made to fail, or to wait for each other. */
import type { MongoDatabase } from '../../../src/engines/distributed/mongodb/database.ts'

type Write = (...given: readonly unknown[]) => Promise<unknown>

/** `around` is called for every method of a collection that writes. */
export function between(
  database: MongoDatabase,
  around: (collection: string, write: Write) => Write,
): MongoDatabase {
  const methods = (of: object, change: (name: string, method: Write) => Write) =>
    new Proxy(of, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function') return value
        return change(String(name), (value as Write).bind(target))
      },
    })
  const db = methods(database.db, (called, method) => {
    if (called !== 'collection') return method
    return (...given) => {
      const collection = method(...given) as unknown as object
      const watched = methods(collection, (name, write) =>
        /^(update|insert|bulk|replace|delete)/.test(name) ? around(String(given[0]), write) : write,
      )
      return watched as unknown as Promise<unknown>
    }
  })
  return { ...database, db: db as typeof database.db }
}
