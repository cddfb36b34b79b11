/**
 * Reads server-sent events from the answer of a fetch. EventSource cannot send a token; this can, and it
 * runs in browsers and in Node alike. Yields { id, event, data } with data parsed.
 */
export async function* readEvents(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let waiting = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    waiting += value
    const events = waiting.split('\n\n')
    // The last one may still be coming.
    waiting = events.pop()
    for (const text of events) {
      const fields = Object.fromEntries(
        text.split('\n').map((line) => {
          const colon = line.indexOf(': ')
          return [line.slice(0, colon), line.slice(colon + 2)]
        }),
      )
      // Comments keep the connection open and say nothing.
      if (fields.data) yield { ...fields, data: JSON.parse(fields.data) }
    }
  }
}

const TRIES = 5

/**
 * Invokes an agent and calls `onText` with each piece as it is produced; answers the final document.
 * Where the connection breaks, the text goes on where it stopped: nothing is called or paid twice.
 */
export async function stream({ api, token, organization, agent, body, onText }) {
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    // The same key again joins the same call, also after a crash on either side.
    'idempotency-key': crypto.randomUUID(),
    ...(organization && { 'x-organization-id': organization }),
  }
  let lastId
  let invocation
  for (let attempt = 1; ; attempt++) {
    try {
      const response = invocation
        ? await fetch(`${api}${invocation}/events`, {
            headers: { ...headers, ...(lastId && { 'last-event-id': lastId }) },
          })
        : await fetch(`${api}/agents/${agent}/invoke`, {
            method: 'POST',
            headers,
            body: JSON.stringify({ ...body, stream: true }),
          })
      if (!response.ok) throw Object.assign(new Error(), { problem: await response.json() })
      invocation ??= response.headers.get('location')
      for await (const { id, event, data } of readEvents(response)) {
        lastId = id ?? lastId
        if (event === 'delta') onText(data.text)
        if (event === 'done') return data
        if (event === 'error') throw Object.assign(new Error(), { problem: data })
      }
    } catch (error) {
      if (error.problem)
        throw new Error(`${error.problem.title}. ${error.problem.detail}`, { cause: error })
      if (attempt === TRIES) throw error
    }
    if (attempt === TRIES) throw new Error('the stream broke off too often')
    await new Promise((resolve) => setTimeout(resolve, 500 * attempt))
  }
}
