/** The parts of the distributed engine that MongoDB holds, opened together and closed together. */
import { openContentStore } from '../../../src/engines/distributed/content-store.ts'
import { openKeyStore } from '../../../src/engines/distributed/key-store.ts'
import { openMongo } from '../../../src/engines/distributed/mongodb/connection.ts'
import { openViewStore } from '../../../src/engines/distributed/view-store.ts'
import { serverUrl } from '../../support/distributed.ts'
import { silent } from '../../support/silent.ts'

export type MongoParts = Awaited<ReturnType<typeof openMongoParts>>

export async function openMongoParts({
  namespace,
  url = serverUrl('MONGODB_URL'),
}: {
  namespace: string
  url?: string
}) {
  const mongo = await openMongo({ mongodbUrl: url, namespace })
  const viewStore = await openViewStore({ db: mongo.views, logger: silent })
  return {
    mongo,
    contents: openContentStore({ db: mongo.keys }).store,
    keys: openKeyStore({ db: mongo.keys }).store,
    views: viewStore.views,
    snapshots: viewStore.snapshots,
    async close() {
      viewStore.close()
      await mongo.close()
    },
  }
}
