/** One life of a process (`service-{runId}`): it starts once. */
import type { Decider } from '../decider.ts'
import type { ServiceEvent } from './events.ts'

export type ServiceState = ServiceEvent['data'] | undefined
export type ServiceCommand = { readonly type: 'StartService' } & ServiceEvent['data']

export const service: Decider<ServiceState, ServiceCommand, ServiceEvent> = {
  category: 'service',
  initial: () => undefined,
  decide: ({ type: _type, ...data }, state) => (state ? [] : [{ type: 'ServiceStarted', data }]),
  evolve: (_state, { data }) => data,
}
