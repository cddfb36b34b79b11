/**
 * The only reader of the environment. Every problem is reported at once; the result is frozen.
 * `.env.example` and the table in docs/operations.md are generated from these descriptions.
 */
import { readFileSync } from 'node:fs'
import { parseArgs, parseEnv } from 'node:util'
import { z } from 'zod'
import { doorProblems, doorSettings } from './config-doors.ts'
import { list, port, secret, server, url, whole } from './config-fields.ts'
import { providerSettings, readProviders, type ProviderSetting } from './config-providers.ts'

const settings = z.object({
  ENGINE: z
    .enum(['embedded', 'distributed'])
    .default('embedded')
    .meta({
      description:
        'Where events, views, jobs and keys live. embedded: files under DATA_DIR, no server, one ' +
        'process. distributed: EventStoreDB, MongoDB and Redis, any number of processes.',
    }),
  EVENTSTOREDB_URL: server('esdb', 'esdb+discover').meta({
    description: 'The event log of the distributed engine: esdb://… or esdb+discover://….',
    ...secret,
  }),
  MONGODB_URL: server('mongodb', 'mongodb+srv').meta({
    description: 'The views of the distributed engine: mongodb://… or mongodb+srv://….',
    ...secret,
  }),
  KEYS_MONGODB_URL: server('mongodb', 'mongodb+srv').meta({
    description:
      'Keys and contents of the distributed engine. Not set: another database on the server of ' +
      'MONGODB_URL. They must be backed up, and apart from the log.',
    ...secret,
  }),
  REDIS_URL: server('redis', 'rediss').meta({
    description:
      'Jobs, counters and running text of the distributed engine: redis:// or rediss://.',
    ...secret,
  }),
  NAMESPACE: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,30}$/, 'a-z, 0-9 and _, at most 31, a letter first')
    .default('daybook')
    .meta({
      description:
        'Begins the name of everything that the distributed engine stores, so that installations ' +
        'can share servers. Never changed afterwards.',
    }),
  HOST: z.string().min(1).default('127.0.0.1').meta({ description: 'Address to listen on.' }),
  PORT: port('Port to listen on; 0 takes a free one.', 3000),
  METRICS_PORT: port(
    'Private port for Prometheus metrics (GET /metrics), on HOST; 0 turns it off.',
    9464,
  ),
  DATA_DIR: z
    .string()
    .min(1)
    .default('./data')
    .meta({
      description:
        'Folder of the event log, the views, the content and the keys, and of mails without MAIL_URL. A ' +
        'local disk. The distributed engine keeps nothing there but such mails.',
    }),
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .meta({ description: 'Lowest level that is logged (JSON lines on standard output).' }),
  PUBLIC_URL: url.optional().meta({
    description: 'Address under which people reach this server; issuer of the tokens.',
  }),
  DASHBOARD_URL: url.optional().meta({
    description:
      'Address of your own web application. Links of mails and sign-ins by Telegram lead there: /verify-email, ' +
      '/reset-password, /invitation with `token`, the address itself with `code`. Not set: small built-in pages.',
  }),
  TRUST_PROXY: list(
    'Addresses or networks of the proxies whose X-Forwarded-For is believed, by comma.',
  ),
  CORS_ORIGINS: list('Origins of browsers that may call the API, by comma. None by default.'),
  MASTER_KEY: z
    .base64()
    .refine((text) => Buffer.from(text, 'base64').length === 32, '32 bytes in base64')
    .optional()
    .meta({
      description:
        'Wraps all data keys: 32 bytes in base64 (openssl rand -base64 32). ' +
        'Embedded engine: made on the first start and kept in DATA_DIR when not given. ' +
        'Distributed engine: required, the same in every process.',
      ...secret,
    }),
  MASTER_KEY_OTHER: z
    .base64()
    .refine((text) => Buffer.from(text, 'base64').length === 32, '32 bytes in base64')
    .optional()
    .meta({
      description:
        'Opens data keys too, and wraps none: the next master key, or the last one, while the master key is ' +
        'replaced (daybook keys rotate).',
      ...secret,
    }),
  REGISTRATION: z
    .enum(['open', 'invite', 'closed'])
    .default('open')
    .meta({ description: 'Who may register: everybody, the invited, nobody.' }),
  BILLING: z
    .enum(['manual', 'paddle'])
    .default('manual')
    .meta({
      description:
        'manual: the administrator grants credit, and nobody issues invoices. paddle: customers pay at ' +
        'Paddle, which is the merchant of record.',
    }),
  ...doorSettings,
  OPENAI_API_KEY: z
    .string()
    .min(1)
    .optional()
    .meta({ description: "The provider's key. Without it the practice model answers.", ...secret }),
  OPENAI_BASE_URL: url.default('https://api.openai.com/v1').meta({
    description: 'Any server that speaks Chat Completions, up to and with /v1.',
  }),
  OPENAI_MODEL: z.string().min(1).default('gpt-5-mini').meta({
    description: 'Model of agents that name none.',
  }),
  OPENAI_TEMPERATURE: z
    .string()
    .regex(/^([01](\.\d{1,2})?|2(\.0{1,2})?)$/, 'a number from 0 to 2, at most 2 decimals')
    .transform(Number)
    .optional()
    .meta({
      description: 'Temperature of agents that set none. Not sent where the model takes none.',
    }),
  OPENAI_MAX_TOKENS: whole(
    'Longest answer, in tokens, of agents that set none.',
    1024,
    1,
    1_000_000,
  ),
  PRACTICE_MODEL: z.enum(['auto', 'on', 'off']).default('auto').meta({
    description:
      'The built-in practice model. auto: only without OPENAI_API_KEY and on a loopback HOST.',
  }),
  CALL_LIMIT: whole('Longest life of a call in seconds, waiting included.', 600, 30, 3_600),
  CALLS_AT_ONCE: whole('Calls to providers that this process makes at once.', 2_000, 1, 100_000),
  CONTENT_DAYS: whole('Days after which stored prompts and answers are deleted.', 30, 1, 3_650),
  DRAIN_SECONDS: whole(
    'Distributed engine, role api: so long a process that was asked to stop still answers everybody ' +
      'while it says that it is not ready. As long as the proxy takes to notice; at most 60.',
    3,
    0,
    60,
  ),
  USAGE_LOG: z
    .enum(['on', 'off'])
    .default('on')
    .meta({ description: 'A usage record for each request. What is billed is recorded always.' }),
  HASHES_AT_ONCE: whole('Password hashes at once; 0 takes the number of cores.', 0, 0, 64),
})
export type Config = Readonly<z.output<typeof settings>> & {
  /** Beside the installation's own, by name. */
  readonly PROVIDERS: Readonly<Record<string, ProviderSetting>>
}

export class ConfigurationError extends Error {
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(`The configuration has ${problems.length === 1 ? 'a problem' : 'problems'}:`)
    this.name = 'ConfigurationError'
    this.problems = problems
  }
}

/** Reads the environment and, below it, the file `.env` of the working directory. */
export function readConfig(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  envFile = '.env',
): Config {
  const problems: string[] = []
  const values = { ...readEnvFile(envFile), ...environment }
  const given: Record<string, string> = {}
  for (const name of Object.keys(settings.shape)) {
    const value = valueOf(name, values, problems)
    if (value !== undefined) given[name] = value
  }
  const parsed = settings.safeParse(given)
  if (!parsed.success)
    for (const issue of parsed.error.issues)
      problems.push(`${issue.path.join('.')}: ${issue.message}`)
  const PROVIDERS = readProviders(values, (name) => valueOf(name, values, problems), problems)
  problems.push(...contradictions(given, Object.keys(PROVIDERS).length > 0))
  if (problems.length > 0 || !parsed.success) throw new ConfigurationError(problems)
  return Object.freeze({ ...parsed.data, PROVIDERS })
}

/** An empty value counts as not set. A secret may come from the file that NAME_FILE names. */
function valueOf(
  name: string,
  values: Readonly<Record<string, string | undefined>>,
  problems: string[],
): string | undefined {
  const file = values[`${name}_FILE`]
  const direct = values[name]
  if (!file) return direct === '' ? undefined : direct
  if (direct) {
    problems.push(`${name}: both ${name} and ${name}_FILE are set; keep one`)
    return undefined
  }
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    problems.push(`${name}_FILE: ${(error as Error).message}`)
    return undefined
  }
}

function readEnvFile(path: string): Record<string, string | undefined> {
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new ConfigurationError([`${path}: ${(error as Error).message}`])
  }
}

export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)

/** One process alone works on the data, and the command line has to ask it. */
export const isAlone = (config: Config): boolean => config.ENGINE === 'embedded'

/** The practice model answers where it is allowed and no provider is given. */
export const usesPracticeModel = (config: Config): boolean =>
  config.PRACTICE_MODEL === 'on' ||
  (config.PRACTICE_MODEL === 'auto' &&
    config.OPENAI_API_KEY === undefined &&
    Object.keys(config.PROVIDERS).length === 0)

/** What single settings cannot know; from the values as given, so that one mistake hides no other. */
function contradictions(given: Readonly<Record<string, string>>, others: boolean): string[] {
  return [
    ...engineProblems(given),
    ...masterKeyProblems(given),
    ...doorProblems(given),
    ...(others ? [] : providerProblems(given)),
  ]
}

const OF_THE_DISTRIBUTED_ENGINE = [
  'EVENTSTOREDB_URL',
  'MONGODB_URL',
  'REDIS_URL',
  'MASTER_KEY',
] as const

function engineProblems(given: Readonly<Record<string, string>>): string[] {
  if (given['ENGINE'] !== 'distributed') return []
  return OF_THE_DISTRIBUTED_ENGINE.filter((name) => given[name] === undefined).map(
    (name) => `${name}: required with ENGINE=distributed`,
  )
}

function masterKeyProblems({ MASTER_KEY, MASTER_KEY_OTHER }: Readonly<Record<string, string>>) {
  return MASTER_KEY_OTHER !== undefined && MASTER_KEY === undefined
    ? ['MASTER_KEY: required with MASTER_KEY_OTHER']
    : []
}

function providerProblems(given: Readonly<Record<string, string>>): string[] {
  const { HOST = '127.0.0.1', PRACTICE_MODEL = 'auto', OPENAI_API_KEY } = given
  if (OPENAI_API_KEY !== undefined) return []
  if (PRACTICE_MODEL === 'off') return ['OPENAI_API_KEY: required with PRACTICE_MODEL=off']
  if (PRACTICE_MODEL === 'on' || isLoopback(HOST)) return []
  return [
    `OPENAI_API_KEY: not set, and HOST=${HOST} is reachable beyond this machine; ` +
      'set the key, or PRACTICE_MODEL=on to sell practice answers knowingly',
  ]
}

/** What a process does. Each can run any number of times where the engine is shared. */
export const roles = ['api', 'project', 'work', 'bot', 'all'] as const
export type Role = (typeof roles)[number]

/**
 * The role that the command line asks for: `--role api`; without it a process does everything.
 * @throws ConfigurationError
 */
export function roleOf(config: Config, argv: readonly string[]): Role {
  const problem = (text: string) => new ConfigurationError([text])
  let given: string | undefined
  try {
    given = parseArgs({ args: [...argv], options: { role: { type: 'string' } } }).values.role
  } catch (error) {
    throw problem((error as Error).message)
  }
  const role = roles.find((one) => one === (given ?? 'all'))
  if (!role) throw problem(`--role: ${roles.join(', ')}; not ${given}`)
  if (role !== 'all' && config.ENGINE === 'embedded')
    throw problem(`--role ${role}: the embedded engine is one process, which does everything`)
  return role
}

/** What may be told: every setting but the secrets; of other providers their addresses. */
export const publicSettings = (config: Config): Record<string, unknown> => {
  const secrets = new Set(
    describeSettings()
      .filter((one) => one.secret)
      .map(({ name }) => name),
  )
  const { PROVIDERS, ...own } = config
  return {
    ...Object.fromEntries(Object.entries(own).filter(([name]) => !secrets.has(name))),
    ...Object.fromEntries(
      Object.entries(PROVIDERS).map(([name, { url: address }]) => [
        `PROVIDER_URL_${name}`,
        address,
      ]),
    ),
  }
}

/** Every setting with what a person needs to know of it, in order: for the documents. */
export function describeSettings(): readonly {
  name: string
  description: string
  default: string | undefined
  secret: boolean
}[] {
  const own = Object.entries(settings.shape).map(([name, schema]) => {
    const meta = schema.meta() as { description?: string; secret?: boolean } | undefined
    const found = schema.safeParse(undefined)
    const value = found.success ? found.data : undefined
    return {
      name,
      description: meta?.description ?? '',
      default: value === undefined ? undefined : String(value),
      secret: meta?.secret === true,
    }
  })
  return [...own, ...providerSettings]
}
