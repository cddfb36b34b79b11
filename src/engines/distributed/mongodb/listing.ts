/** Documents of a prefix in order of their `_id`, which MongoDB compares byte by byte. */

export const LIST_LIMIT = 1_000
/** No `_id` goes on with it: it ends a prefix. */
const LAST_CHARACTER = '\u{10FFFF}'

export const after = ({ prefix, after: last = '' }: { prefix: string; after?: string }) => ({
  _id: { $gte: prefix, $gt: last, $lt: `${prefix}${LAST_CHARACTER}` },
})
