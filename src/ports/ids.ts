/** Ids: random ones for requests and runs, derived ones for everything that a retry must make again. */
export interface Ids {
  random(): string
  /** uuidv5(namespace, name), RFC 9562. */
  derive(namespace: string, name: string): string
  /** 256 bits of randomness, base64url. */
  secret(): string
  /** SHA-256, hex. */
  sha256(text: string): string
}
