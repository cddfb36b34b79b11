/**
 * Data classes: which fields of events hold somebody's data, and whose.
 *
 * Every top-level field of every event has one of four classes in its schema. `clear` is stored as it
 * is. The others are sealed before they reach the log (AES-256-GCM, one key per subject), so that
 * destroying a key erases the value everywhere at once: in the log, the views and the backups.
 *   personal  a person's e-mail, name, Telegram id: key of that user
 *   secret    a password hash: key of that user; never projected, never shown to an auditor
 *   content   a prompt, a webhook's body: key of the organization, day or customer it belongs to
 * `subject` names the sibling field that holds the id of whom the value belongs to.
 *
 * Who may see a value in the history is declared here too: by class, or by `shownTo` at a field. A reader
 * of the history learns of any other value only that it is there.
 */
import { z } from 'zod'

export type DataClass =
  | { readonly class: 'clear' }
  | { readonly class: 'personal' | 'secret' | 'content'; readonly subject: string }

/** As what somebody reads the history: by their role in the organization, with a key, or for the platform. */
export const historyReaders = ['administrator', 'owner', 'admin', 'auditor', 'key'] as const
export type HistoryReader = (typeof historyReaders)[number]

/** Who sees a sealed value opened. A prompt is nothing for whoever runs the installation. */
const openedBy: Readonly<Record<Exclude<DataClass['class'], 'clear'>, readonly HistoryReader[]>> = {
  personal: ['administrator', 'owner', 'admin'],
  secret: [],
  content: ['owner', 'admin'],
}

/** What a reader gets where the key is gone: a value of its own type, never an exception. */
export const ERASED = Object.freeze({ erased: true } as const)
export type Erased = typeof ERASED
/** A classed value as deciders and queries see it. */
export type Maybe<T> = T | Erased

export const isErased = (value: unknown): value is Erased =>
  typeof value === 'object' && value !== null && 'erased' in value && value.erased === true

/** A classed value as the log, the projections and the views see it. */
export const sealedSchema = z.strictObject({
  /** Key id: `class/subject`. */
  key: z.string(),
  /** Event id, field and schema version: bound into the ciphertext as additional data. */
  context: z.string(),
  /** iv ‖ ciphertext ‖ tag, base64url. */
  sealed: z.string(),
})
export type Sealed = z.output<typeof sealedSchema>

/** An event's data as projections see it: each classed field sealed, all others as they are. */
export type SealedData<T> = {
  [K in keyof T]: Erased extends T[K] ? Sealed | Extract<T[K], undefined> : T[K]
}

const classes = new WeakMap<z.ZodType, DataClass>()

function classed<S extends z.ZodType>(schema: S, dataClass: DataClass): S {
  classes.set(schema, dataClass)
  return schema
}

/** Marks a field, with all that is in it, as nobody's data. */
export const clear = <S extends z.ZodType>(schema: S): S =>
  classed(schema.meta({ dataClass: 'clear' }) as S, { class: 'clear' })

const maybe = <S extends z.ZodType>(schema: S, dataClass: DataClass & { subject: string }) =>
  classed(
    z
      .custom<Maybe<z.output<S>>>((value) => isErased(value) || schema.safeParse(value).success)
      .meta({
        dataClass: dataClass.class,
        subject: dataClass.subject,
      }),
    dataClass,
  )

export const personal = <S extends z.ZodType>(schema: S, subject: string) =>
  maybe(schema, { class: 'personal', subject })
export const secret = <S extends z.ZodType>(schema: S, subject: string) =>
  maybe(schema, { class: 'secret', subject })
export const content = <S extends z.ZodType>(schema: S, subject: string) =>
  maybe(schema, { class: 'content', subject })

/** The class of one field of an event's schema; undefined is a defect that a test finds. */
export function dataClassOf(schema: z.ZodType): DataClass | undefined {
  const own = classes.get(schema)
  if (own) return own
  return isWrapped(schema) ? dataClassOf(schema.unwrap() as z.ZodType) : undefined
}

const readers = new WeakMap<z.ZodType, readonly HistoryReader[]>()

/** What the seller knows and a customer does not: what a call costs the seller, what a provider says of it. */
export const SELLER: readonly HistoryReader[] = ['administrator']
/** A secret's digest: enough to check a secret against, and of use to nobody who reads. */
export const NOBODY: readonly HistoryReader[] = []

/** Declares who sees this field in the history, at any depth, whatever its class says. */
export function shownTo<S extends z.ZodType>(who: readonly HistoryReader[], schema: S): S {
  const own = schema.clone()
  const dataClass = dataClassOf(schema)
  if (dataClass) classes.set(own, dataClass)
  readers.set(own, who)
  return own
}

/** Whether this reader sees the field's value in the history. `subject`: whose value it is, where it is sealed. */
export function isShownTo(reader: HistoryReader, schema: z.ZodType, subject?: unknown): boolean {
  const declared = declaredReaders(schema)
  if (declared) return declared.includes(reader)
  const dataClass = dataClassOf(schema)
  if (dataClass === undefined || dataClass.class === 'clear') return true
  const own = subject === 'platform' && reader === 'administrator'
  return openedBy[dataClass.class].includes(own ? 'owner' : reader)
}

/** A schema that was described or wrapped further is another object; what it was made from is known. */
function declaredReaders(schema: z.ZodType): readonly HistoryReader[] | undefined {
  const own = readers.get(schema)
  if (own) return own
  const inner = isWrapped(schema) ? schema.unwrap() : schema._zod.parent
  return inner && declaredReaders(inner as z.ZodType)
}

/** May be absent or null, or is not to be changed; what it is otherwise stands inside. */
export const isWrapped = (
  schema: z.ZodType,
): schema is z.ZodOptional | z.ZodExactOptional | z.ZodNullable | z.ZodReadonly =>
  schema instanceof z.ZodReadonly ||
  schema instanceof z.ZodOptional ||
  schema instanceof z.ZodExactOptional ||
  schema instanceof z.ZodNullable
