/**
 * Which versions of which views exist, where their documents are and how far they have come: the
 * collection `checkpoints`, read whole, since it has a few dozen documents.
 *
 * Views that move together (nearly always all of them) share one document with their position, so a
 * batch costs one write however many views there are, and whoever waits needs one read. A checkpoint is
 * the greater of the view's own and its groups'; it never goes back. Every creation has a collection of
 * its own name, so what was dropped or emptied is never taken for what is there now.
 */
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Long, ReadConcern } from 'mongodb'
import type { Position } from '../../../ports/event-store.ts'
import { Unavailable } from '../../../ports/unavailable.ts'
import { type ViewCollection, ViewRemoved } from '../../../ports/view-store.ts'
import { ask, BATCH_MS, type MongoDatabase, REQUEST_MS } from './database.ts'
import { isDuplicate } from './failures.ts'
import { toLong, toPosition } from './positions.ts'
import { visible } from './visible.ts'

/** A version of a view that exists. */
export interface KnownView {
  readonly id: string
  readonly name: string
  readonly version: number
  /** The collection of its documents. */
  readonly collection: string
  readonly indexes: string
  readonly checkpoint: Position
}

interface ViewRecord {
  readonly _id: string
  readonly name: string
  readonly version: number
  readonly collection: string
  readonly indexes: string
  readonly position: Long | number
}

/** The position of views that have moved together. */
interface GroupRecord {
  readonly _id: string
  readonly members: readonly string[]
  readonly position: Long | number
  readonly movedAt: Date
}

type CheckpointRecord = ViewRecord | GroupRecord

/** Where documents are is known from at most so long ago; a dropped collection stays for longer. */
const KNOWN_FOR_MS = 2_000
/** A group that nobody has moved for so long is dissolved by whoever makes another. */
const IDLE_GROUP_MS = 60_000
/** Another writer's move is on its way to a majority. */
const ATTEMPTS = 10
const PAUSE_MS = 20
const NOWHERE: Position = -1n

export const COLLECTION_PREFIX = 'view_'

export class ViewCatalogue {
  readonly #database: MongoDatabase
  #views = new Map<string, KnownView>()
  #readAt = Number.NEGATIVE_INFINITY
  #reading: Promise<unknown> | undefined
  /** Counts what this process has removed or made. */
  #changes = 0
  /** What this process has built on: by view, the collection. */
  readonly #relied = new Map<string, string>()

  constructor(database: MongoDatabase) {
    this.#database = database
  }

  /** Read as a majority has it: a checkpoint that was seen is not taken back by a failover. */
  get #records() {
    const readConcern = new ReadConcern('majority')
    return this.#database.db.collection<CheckpointRecord>('checkpoints', { readConcern })
  }

  /** The view where it exists. @throws Error where its indexes are not those that were declared. */
  async find(view: ViewCollection): Promise<KnownView | undefined> {
    const id = idOf(view)
    const old = performance.now() - this.#readAt > KNOWN_FOR_MS
    if (old || !this.#views.has(id)) await this.#refresh()
    const known = this.#views.get(id)
    if (known !== undefined && known.indexes !== JSON.stringify(view.indexes)) {
      throw new Error(
        `the indexes of ${id} have changed: a view with other indexes is a new version`,
      )
    }
    return known
  }

  /** Every view that exists, as it is now. */
  async read(): Promise<readonly KnownView[]> {
    for (;;) {
      const changes = this.#changes
      const records = await ask(this.#database, REQUEST_MS, () =>
        this.#records.find({}, { maxTimeMS: REQUEST_MS, batchSize: 1_000 }).toArray(),
      )
      // What was read before a change of our own is not what is there.
      if (changes !== this.#changes) continue
      this.#views = this.#viewsOf(records)
      this.#readAt = performance.now()
      return [...this.#views.values()]
    }
  }

  #viewsOf(records: readonly CheckpointRecord[]): Map<string, KnownView> {
    const reached = new Map<string, Position>()
    for (const record of records) {
      if (!('members' in record)) continue
      const position = toPosition(record.position)
      for (const member of record.members)
        reached.set(member, greatest(position, reached.get(member) ?? NOWHERE))
    }
    const views = new Map<string, KnownView>()
    for (const record of records) {
      if ('members' in record) continue
      const { _id, position, ...rest } = record
      // A read is no moment in time: what was seen once is not unseen.
      const before = this.#views.get(_id)
      const seen = before?.collection === rest.collection ? before.checkpoint : NOWHERE
      const grouped = reached.get(rest.collection) ?? NOWHERE
      views.set(_id, {
        id: _id,
        ...rest,
        checkpoint: greatest(toPosition(position), grouped, seen),
      })
    }
    return views
  }

  /** One read for everybody who asks while it runs. */
  async #refresh(): Promise<void> {
    const reading = (this.#reading ??= this.read())
    try {
      await reading
    } finally {
      if (this.#reading === reading) this.#reading = undefined
    }
  }

  /** The view to write into, made where it is new. @throws Error where it went while we built on it. */
  async obtain(view: ViewCollection): Promise<KnownView> {
    const known = (await this.find(view)) ?? (await this.#create(view))
    const relied = this.#relied.get(known.id)
    if (relied !== undefined && relied !== known.collection) throw new ViewRemoved(known.id)
    this.#relied.set(known.id, known.collection)
    return known
  }

  /** How far it has come. Whatever this process writes into it from now on continues what is there. */
  async checkpoint(view: ViewCollection): Promise<Position | undefined> {
    await this.read()
    const known = this.#views.get(idOf(view))
    if (known === undefined) this.#relied.delete(idOf(view))
    else this.#relied.set(known.id, known.collection)
    return known !== undefined && isUsed(known) ? known.checkpoint : undefined
  }

  /** Called with the documents stored. @throws Error where a view is no longer there. */
  async advance(moved: readonly { view: KnownView; checkpoint: Position }[]): Promise<void> {
    const together = new Map<Position, KnownView[]>()
    for (const { view, checkpoint } of moved)
      together.set(checkpoint, [...(together.get(checkpoint) ?? []), view])
    for (const [position, views] of together) await this.#move(views, position)
  }

  /** Forgets a view; answers the collection that is left behind. */
  async remove({ name, version }: { name: string; version: number }): Promise<string | undefined> {
    await this.read()
    const id = idOf({ name, version })
    const known = this.#views.get(id)
    this.#relied.delete(id)
    if (known === undefined) return undefined
    const { collection } = known
    await ask(this.#database, BATCH_MS, () => this.#records.deleteOne({ _id: id, collection }))
    this.#changes++
    this.#views.delete(id)
    return collection
  }

  async #create(view: ViewCollection): Promise<KnownView> {
    const { name, version } = view
    const id = idOf(view)
    // What was emptied under us must not begin anew in the middle of the log.
    if (this.#relied.has(id)) throw new ViewRemoved(id)
    const suffix = randomBytes(6).toString('hex')
    const record: ViewRecord = {
      _id: id,
      name,
      version,
      collection: `${COLLECTION_PREFIX}${name}_${version}_${suffix}`,
      indexes: JSON.stringify(view.indexes),
      position: toLong(NOWHERE),
    }
    await ask(this.#database, BATCH_MS, () =>
      this.#records.insertOne(record).catch((error: unknown) => {
        if (!isDuplicate(error)) throw error
      }),
    )
    this.#changes++
    await visible(this.#database, async () => {
      await this.read()
      return this.#views.get(id)
    })
    const made = await this.find(view)
    if (made === undefined) throw new ViewRemoved(id)
    return made
  }

  async #move(views: readonly KnownView[], position: Position): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [only] = views
      if (only === undefined || views.every((view) => this.#reached(view) >= position)) return
      const done = views.length === 1 ? this.#moveOne(only, position) : this.#group(views, position)
      if (await done) {
        for (const view of views) this.#views.set(view.id, { ...view, checkpoint: position })
        return
      }
      // Further already, or gone.
      await this.read()
      for (const { id, collection } of views)
        if (this.#views.get(id)?.collection !== collection) throw new ViewRemoved(id)
      if (views.length > 1) await this.#found(views, position)
      await pause(attempt * PAUSE_MS)
    }
    throw new Unavailable(
      this.#database.service,
      new Error(`the checkpoints could not be moved to ${position}`),
    )
  }

  #reached({ id, checkpoint }: KnownView): Position {
    return this.#views.get(id)?.checkpoint ?? checkpoint
  }

  async #moveOne({ id, collection }: KnownView, position: Position): Promise<boolean> {
    const older = { _id: id, collection, position: { $lt: toLong(position) } }
    const { matchedCount } = await ask(this.#database, BATCH_MS, () =>
      this.#records.updateOne(older, { $set: { position: toLong(position) } }),
    )
    return matchedCount > 0
  }

  async #group(views: readonly KnownView[], position: Position): Promise<boolean> {
    const older = { _id: groupOf(views), position: { $lt: toLong(position) } }
    const change = { $set: { position: toLong(position), movedAt: new Date() } }
    const { matchedCount } = await ask(this.#database, BATCH_MS, () =>
      this.#records.updateOne(older, change),
    )
    return matchedCount > 0
  }

  /** A group that did not move is new, or further already. */
  async #found(views: readonly KnownView[], position: Position): Promise<void> {
    const members = views.map(({ collection }) => collection)
    const record = { _id: groupOf(views), members, movedAt: new Date() }
    await ask(this.#database, BATCH_MS, async () => {
      try {
        await this.#records.insertOne({ ...record, position: toLong(position) })
      } catch (error) {
        if (!isDuplicate(error)) throw error
      }
    })
    await this.read()
    await this.#dissolve(record._id)
  }

  /** Idle groups give their position to their views, so that groups do not pile up. */
  async #dissolve(current: string): Promise<void> {
    const idle = { movedAt: { $lt: new Date(Date.now() - IDLE_GROUP_MS) }, _id: { $ne: current } }
    const groups = await ask(this.#database, BATCH_MS, () => this.#records.find(idle).toArray())
    for (const group of groups) {
      if (!('members' in group)) continue
      const { _id, position } = group
      const members = { collection: { $in: [...group.members] }, position: { $lt: position } }
      await ask(this.#database, BATCH_MS, async () => {
        await this.#records.updateMany(members, { $set: { position } })
        await this.#records.deleteOne({ _id, position })
      })
    }
  }
}

/** Something was put there; before that it is only being made. */
export const isUsed = ({ checkpoint }: KnownView): boolean => checkpoint > NOWHERE

const groupOf = (views: readonly KnownView[]): string => {
  const members = views.map(({ collection }) => collection).sort()
  return `group ${createHash('sha256').update(members.join(' ')).digest('hex').slice(0, 32)}`
}

function idOf({ name, version }: { name: string; version: number }): string {
  if (!/^[A-Za-z][\w-]*$/.test(name) || !Number.isSafeInteger(version)) {
    throw new TypeError(`not the name of a view: ${name}@${version}`)
  }
  return `${name}@${version}`
}

const greatest = (...positions: Position[]): Position =>
  positions.reduce((most, one) => (one > most ? one : most))
