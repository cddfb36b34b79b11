/**
 * The administrator's stop: no call to a model begins, everything else goes on. Every process keeps the
 * installation's stream at hand, so a stop bites with the next call here and within a second elsewhere.
 */
import {
  INSTALLATION,
  type Installation,
  installation,
} from '../../domain/installation/installation.ts'
import { Refusal } from '../../domain/refusal.ts'
import { type Root, step } from '../context.ts'
import type { Deps } from '../deps.ts'
import type { Transacted } from '../streams.ts'

/** Since when and why; undefined: calls begin. */
export const callsStopped = async ({
  streams,
}: Pick<Deps, 'streams'>): Promise<Installation['stopped']> =>
  (await streams.load(installation, INSTALLATION)).state.stopped

/** @throws Refusal calls_stopped */
export async function refuseWhenStopped(deps: Pick<Deps, 'streams'>): Promise<void> {
  if (await callsStopped(deps)) throw new Refusal('calls_stopped')
}

/** StopCalls, ResumeCalls: the same wish again changes nothing. */
export function setCallsStopped(
  { streams, ids }: Pick<Deps, 'streams' | 'ids'>,
  root: Root,
  wish: { readonly stopped: boolean; readonly reason?: string },
): Promise<Pick<Transacted<Installation, never>, 'state' | 'position'>> {
  const { stopped, reason } = wish
  const { at } = root
  return streams.transact(
    installation,
    INSTALLATION,
    stopped
      ? { type: 'StopCalls', ...(reason === undefined ? {} : { reason }), at }
      : { type: 'ResumeCalls', at },
    step(ids, root, 'stop'),
  )
}
