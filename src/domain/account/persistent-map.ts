/**
 * A map that is never changed: `set` and `delete` answer a new one that shares all but a few small
 * nodes with the old. An account's fold lives through millions of events and its states are kept
 * side by side (a decision that fails is taken back), so neither copying nor changing would do.
 * A hash trie: leaves of a few entries, branches of 32.
 */
const BITS = 5
const WIDTH = 1 << BITS
const LEAF_ENTRIES_MAX = 12
/** Beyond the bits of the hash a leaf just grows: full collisions are rare and harmless. */
const SHIFT_MAX = 30

/** Two rows, since most changes are of a value: then the keys are shared. */
interface Leaf<V> {
  readonly keys: readonly string[]
  readonly values: readonly V[]
}
type Branch<V> = readonly (Node<V> | undefined)[]
type Node<V> = Leaf<V> | Branch<V>
const isBranch = <V>(node: Node<V>): node is Branch<V> => Array.isArray(node)

export class PersistentMap<V> implements Iterable<readonly [string, V]> {
  readonly size: number
  private readonly root: Node<V> | undefined

  private constructor(size: number, root: Node<V> | undefined) {
    this.size = size
    this.root = root
  }

  static empty<V>(): PersistentMap<V> {
    return new PersistentMap<V>(0, undefined)
  }

  static from<V>(entries: Iterable<readonly [string, V]>): PersistentMap<V> {
    let map = PersistentMap.empty<V>()
    for (const [key, value] of entries) map = map.set(key, value)
    return map
  }

  get(key: string): V | undefined {
    return this.#find(key, hashOf(key))
  }

  #find(key: string, hash: number): V | undefined {
    let node = this.root
    for (let shift = 0; node !== undefined; shift += BITS) {
      if (!isBranch(node)) return node.values[node.keys.indexOf(key)]
      node = node[(hash >>> shift) & (WIDTH - 1)]
    }
    return undefined
  }

  /** Values are never undefined, so a value is there exactly when the key is. */
  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  set(key: string, value: V): PersistentMap<V> {
    const hash = hashOf(key)
    const size = this.#find(key, hash) === undefined ? this.size + 1 : this.size
    return new PersistentMap(size, setIn(this.root, hash, 0, key, value))
  }

  /** What there is becomes what `change` makes of it; undefined: it goes. */
  update(key: string, change: (before: V | undefined) => V | undefined): PersistentMap<V> {
    const hash = hashOf(key)
    const before = this.#find(key, hash)
    const after = change(before)
    if (after === undefined) return this.delete(key)
    const size = before === undefined ? this.size + 1 : this.size
    return new PersistentMap(size, setIn(this.root, hash, 0, key, after))
  }

  delete(key: string): PersistentMap<V> {
    if (!this.has(key)) return this
    return new PersistentMap(this.size - 1, deleteIn(this.root, hashOf(key), 0, key))
  }

  /** In no order that means anything. */
  *[Symbol.iterator](): Iterator<readonly [string, V]> {
    if (this.root) yield* entriesOf(this.root)
  }
}

/** FNV-1a, 32 bits. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

function setIn<V>(
  node: Node<V> | undefined,
  hash: number,
  shift: number,
  key: string,
  value: V,
): Node<V> {
  if (node === undefined) return { keys: [key], values: [value] }
  if (isBranch(node)) {
    const branch = [...node]
    const slot = (hash >>> shift) & (WIDTH - 1)
    branch[slot] = setIn(branch[slot], hash, shift + BITS, key, value)
    return branch
  }
  const index = node.keys.indexOf(key)
  if (index >= 0) return { keys: node.keys, values: node.values.with(index, value) }
  const leaf = { keys: [...node.keys, key], values: [...node.values, value] }
  return leaf.keys.length > LEAF_ENTRIES_MAX && shift <= SHIFT_MAX ? split(leaf, shift) : leaf
}

function split<V>({ keys, values }: Leaf<V>, shift: number): Branch<V> {
  const branch = Array.from<{ keys: string[]; values: V[] } | undefined>({ length: WIDTH })
  for (const [index, key] of keys.entries()) {
    const slot = (hashOf(key) >>> shift) & (WIDTH - 1)
    const leaf = (branch[slot] ??= { keys: [], values: [] })
    leaf.keys.push(key)
    leaf.values.push(values[index] as V)
  }
  return branch
}

function deleteIn<V>(
  node: Node<V> | undefined,
  hash: number,
  shift: number,
  key: string,
): Node<V> | undefined {
  if (node === undefined) return undefined
  if (!isBranch(node)) {
    const index = node.keys.indexOf(key)
    return node.keys.length === 1
      ? undefined
      : { keys: node.keys.toSpliced(index, 1), values: node.values.toSpliced(index, 1) }
  }
  const branch = [...node]
  const slot = (hash >>> shift) & (WIDTH - 1)
  branch[slot] = deleteIn(branch[slot], hash, shift + BITS, key)
  return branch.every((child) => child === undefined) ? undefined : branch
}

function* entriesOf<V>(node: Node<V>): Generator<readonly [string, V]> {
  if (isBranch(node)) {
    for (const child of node) if (child) yield* entriesOf(child)
    return
  }
  for (const [index, key] of node.keys.entries()) yield [key, node.values[index] as V]
}
