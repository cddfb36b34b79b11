/**
 * Tells two bodies apart without keeping either: enough to notice that one event came with two, which
 * Paddle never does. No secret and no proof; whose word it is, the signature says.
 */

/** Each delivery has an id of its own; the event that it delivers is the same. */
const DELIVERY = /"notification_id"\s*:\s*"[^"]*"/

/** FNV-1a over the text, twice, from two beginnings. */
export function fingerprint(body: string): string {
  const text = body.replace(DELIVERY, '')
  let [a, b] = [0x811c9dc5, 0x1b873593]
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    a = Math.imul(a ^ unit, 0x01000193)
    b = Math.imul(b ^ unit, 0x85ebca6b)
  }
  return `${(a >>> 0).toString(16)}-${(b >>> 0).toString(16)}`
}
