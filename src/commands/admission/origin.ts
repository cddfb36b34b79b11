/** Where a request comes from, as limits count it and nobody can read it. */
import type { Sealer } from '../../ports/sealer.ts'

/** Keyed digest of the network address; of IPv6 of the /64, which belongs to one place. */
export const originOf = (sealer: Pick<Sealer, 'hmac'>, ip: string): string =>
  sealer.hmac('address', network(ip)).slice(0, 32)

export function network(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1]
  if (mapped !== undefined) return mapped
  if (!ip.includes(':')) return ip
  const [head = '', tail] = (ip.split('%', 1)[0] ?? '').toLowerCase().split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array<string>(missing).fill('0'), ...after]
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
