/** What may be said of an error of Redis: the library hangs the command with its arguments on it. */
export function plain(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  // Where a name has several addresses the message is empty and only the code says something.
  const said = new Error(error.message || ('code' in error ? String(error.code) : error.name))
  said.name = error.name
  return said
}
