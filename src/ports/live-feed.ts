/**
 * The text of a running invocation, from the process that calls the provider to whoever listens.
 * May be lost: what was said is in the content store when the invocation has ended.
 */
export type FeedItem =
  /** `offset`: bytes of text (UTF-8) of this attempt up to and including this delta. */
  | {
      readonly kind: 'delta'
      readonly attempt: number
      readonly offset: number
      readonly text: string
    }
  /** The invocation's stream has its terminal event: read it. */
  | { readonly kind: 'end' }

export interface LiveFeed {
  publish(invocationId: string, item: FeedItem): void
  /**
   * Everything of this invocation that is still kept after (attempt, offset), then what comes, until
   * `end` or `signal`. A listener that falls behind is never waited for by the publisher.
   */
  listen(
    invocationId: string,
    options: { after?: { attempt: number; offset: number }; signal: AbortSignal },
  ): AsyncIterable<FeedItem>
}
