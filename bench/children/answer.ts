/** The other end of startHelper: one answer for each message; the process ends with its channel. */
export function answering(
  work: (message: never) => Promise<unknown>,
  /** A collection before each piece of work: not where another one is being measured meanwhile. */
  { collecting = true } = {},
): void {
  process.on('disconnect', () => process.exit())
  process.on('message', (message) => {
    if (collecting) globalThis.gc?.()
    work(message as never).then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: String(error) }),
    )
  })
}
