/**
 * What may be asked of an invocation, and by whom: the caller, an execution of the call, or the sweep.
 * Times are ISO strings from the asker's clock.
 */
import type { Accepted, AttemptFailure, ContentPart, OwnFailure, Usage } from './events.ts'

/** An execution that would carry out the call. */
export interface Claim {
  readonly callId: string
  readonly runId: string
  /** One of the chain. */
  readonly model: string
  readonly at: string
}

/** What an execution says of its call when it ends it. Times count from the start of the attempt. */
export interface Report {
  readonly callId: string
  readonly at: string
  readonly output?: ContentPart
  readonly latencyMs?: number
  readonly firstByteMs?: number
  readonly providerRequestId?: string
}

export type InvocationCommand =
  /** `start`: the same process carries it out at once, in the same append. */
  | { readonly type: 'AcceptInvocation'; readonly accepted: Accepted; readonly start?: Claim }
  | ({ readonly type: 'StartInvocation' } & Claim)
  /** The provider gave no (whole) answer. `retry`: it did not take the call. */
  | ({
      readonly type: 'FailAttempt'
      readonly reason: AttemptFailure
      readonly firstByte: boolean
      readonly retry: boolean
      readonly usage?: Usage
    } & Report)
  | ({
      readonly type: 'CompleteInvocation'
      readonly usage: Usage
      readonly finishReason: string
    } & Report)
  /** The execution broke off the call, because the caller wanted it to. */
  | ({ readonly type: 'StopInvocation'; readonly usage: Usage } & Report)
  | {
      readonly type: 'CancelInvocation'
      readonly by: 'caller' | 'client_gone'
      readonly at: string
    }
  /** The sweep: a hold has outlived its time, whether or not the call was ever accepted. */
  | {
      readonly type: 'ExpireInvocation'
      readonly invocationId: string
      readonly orgId: string
      /** The hold's time plus CALL_LIMIT. */
      readonly deadline: string
      readonly at: string
    }
  /** The process of this execution is gone. */
  | { readonly type: 'InterruptInvocation'; readonly callId: string; readonly at: string }
  /** It cannot be begun any more. */
  | {
      readonly type: 'AbandonInvocation'
      readonly reason: Exclude<OwnFailure, 'expired' | 'interrupted'>
      readonly at: string
    }
