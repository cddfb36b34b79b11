/** What a provider says of the seller's account, and how to find it where it must not be. */
import { settingsFor } from './documented.ts'
import { kinds } from './kinds.ts'
import { type ProviderServer, startProvider } from './server.ts'

export const CANARY = 'org-canaryAccount7f3k'
/** What only the seller knows, or no customer needs to know. */
export const AFFAIRS =
  /canary|quota|billing|credit|api[ _-]?key|tier|organization org-|deployment/iu

export interface AllProviders {
  /** Address and key of each, as the documentation sets them. */
  readonly settings: Readonly<Record<string, string>>
  of(name: string): ProviderServer
  close(): Promise<void>
}

export async function startAllProviders(): Promise<AllProviders> {
  const settings: Record<string, string> = {}
  const servers = new Map<string, ProviderServer>()
  for (const kind of kinds) {
    const server = await startProvider(kind)
    servers.set(kind.name, server)
    Object.assign(settings, settingsFor(server, kind))
  }
  return {
    settings,
    of(name) {
      const found = servers.get(name)
      if (!found) throw new Error(`${name} was not started`)
      return found
    },
    async close() {
      for (const server of servers.values()) await server.close()
    },
  }
}
