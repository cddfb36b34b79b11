/**
 * Token counting with gpt-tokenizer's tables, made safe for hostile text. The library merges a piece
 * in quadratic time (16 KiB of one letter: 0.12 s) and keeps every piece it merged; here the cost of a
 * call is bounded (512 KiB of anything: under 50 ms) and no text of a caller is kept.
 *
 * Exact unless a text is dear: pieces that are no single token, are long, or come after a budget are
 * counted as their bytes, which no byte-level encoding exceeds. So the result is always an upper bound.
 */
import type { Encoding, TokenCounter } from '../ports/token-counter.ts'

/** Longest piece that is merged. Words of every alphabet are shorter; runs of one character are not. */
const MAX_PIECE_BYTES = 256
/** Bytes merged per call, at about 1 µs each. Pieces that are a token already cost nothing of it. */
const MERGE_BUDGET_BYTES = 16 * 1024
/** UTF-16 units looked at per call; the rest of the text counts as its bytes. */
const MAX_EXACT_LENGTH = 128 * 1024

interface Tables {
  /** Cuts a text into the pieces within which the encoding merges. */
  readonly pieces: RegExp
  readonly tokens: ReadonlySet<unknown>
  readonly merge: (piece: string) => number
}

export function createTokenCounter(): TokenCounter {
  const tables = new Map<Encoding, Tables>()
  return {
    async load(encoding) {
      if (encoding !== 'bytes' && !tables.has(encoding))
        tables.set(encoding, await loadTables(encoding))
    },
    count(encoding, text) {
      if (encoding === 'bytes') return Buffer.byteLength(text)
      const loaded = tables.get(encoding)
      if (!loaded) throw new Error(`the encoding ${encoding} is not loaded`)
      return countWith(loaded, text)
    },
  }
}

function countWith({ pieces, tokens, merge }: Tables, text: string): number {
  let count = 0
  let budget = MERGE_BUDGET_BYTES
  for (const { 0: piece, index } of text.matchAll(pieces)) {
    if (index >= MAX_EXACT_LENGTH) return count + Buffer.byteLength(text.slice(index))
    if (tokens.has(piece)) {
      count += 1
      continue
    }
    const bytes = Buffer.byteLength(piece)
    if (bytes > MAX_PIECE_BYTES || bytes > budget) {
      count += bytes
      continue
    }
    budget -= bytes
    count += merge(piece)
  }
  return count
}

const sources = {
  o200k_base: () =>
    Promise.all([
      import('gpt-tokenizer/encoding/o200k_base'),
      import('gpt-tokenizer/bpeRanks/o200k_base'),
      import('gpt-tokenizer/encodingParams/constants').then((m) => m.O200K_TOKEN_SPLIT_REGEX),
    ]),
  cl100k_base: () =>
    Promise.all([
      import('gpt-tokenizer/encoding/cl100k_base'),
      import('gpt-tokenizer/bpeRanks/cl100k_base'),
      import('gpt-tokenizer/encodingParams/constants').then((m) => m.CL100K_TOKEN_SPLIT_REGEX),
    ]),
}

async function loadTables(encoding: keyof typeof sources): Promise<Tables> {
  const [library, ranks, pieces] = await sources[encoding]()
  // Its cache would hold slices of prompts, and through them whole prompts, for the process's life.
  library.setMergeCacheSize(0)
  const asText = { disallowedSpecial: new Set<string>() }
  return {
    pieces,
    tokens: new Set(ranks.default),
    merge: (piece) => library.countTokens(piece, asText),
  }
}
