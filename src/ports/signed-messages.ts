/** Tells whether a message really comes from whom we share a secret with, and was signed just now. */
export interface SignedMessages {
  /** Never throws, whatever the header is made of. `body`: the very bytes that came. */
  isGenuine(header: string | undefined, body: Uint8Array, now: Date): boolean
}
