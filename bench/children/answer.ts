/** The other end of startHelper: one answer for each message; the process ends with its channel. */
export function answering(work: (message: never) => Promise<unknown>): void {
  process.on('disconnect', () => process.exit())
  process.on('message', (message) => {
    globalThis.gc?.()
    work(message as never).then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: String(error) }),
    )
  })
}
