/** The data directory cannot be opened as it is. The message is one sentence for a person, with what to do. */
export class StoreRefused extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'StoreRefused'
  }
}
