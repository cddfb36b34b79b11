/**
 * How a route is declared: method, path, who may use it, what it takes and what it answers, and a
 * handler that knows no rules. The zod schemas are the only source: validation, types and the OpenAPI
 * document all come from here.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { AccessRule, Actor } from '../commands/access.ts'
import type { Rate } from '../commands/admission/limiter.ts'
import type { Root } from '../commands/context.ts'
import type { Messages, ProblemCode } from '../messages/messages.ts'
import type { Position } from '../ports/event-store.ts'
import type { Problem } from './errors.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

/** What a handler is given: checked input and who asks. */
export interface Call<P, Q, B> {
  readonly params: P
  readonly query: Q
  readonly body: B
  /** The body as it came, where the route is declared with `rawBody`; else empty. */
  readonly bytes: Uint8Array
  readonly actor: Actor
  /** Identity of this wish: the Idempotency-Key's, or this request's. */
  readonly root: Root
  readonly messages: Messages
  /** Aborts when the client has left, or when the server stops and the time for that is over. */
  readonly signal: AbortSignal
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** The revision named by If-Match. */
  readonly ifRevision: number | undefined
  /** Address of the client, as far as the proxies are trusted. */
  readonly ip: string
  /** For commands that decide about limits themselves: where the request comes from, as limits count it. */
  readonly door: {
    readonly origin: string
    /** Puts the limit into the answer's headers. */
    readonly onRate: (rate: Rate) => void
  }
}

/** What a handler answers. `undefined` body: 204, or the handler has answered on `reply` itself. */
export interface Answer<T = unknown> {
  readonly status?: number
  readonly body?: T
  readonly headers?: Readonly<Record<string, string>>
  /** Position of what a command wrote. */
  readonly position?: Position | undefined
  /** Revision of the stream that the body shows: becomes the ETag. */
  readonly revision?: number
  /** The handler wrote to the socket itself (a stream): nothing more is sent. */
  readonly sent?: true
}

/** undefined: this client gets the problem document. */
export type RefusalPage = (
  problem: Problem,
  request: FastifyRequest,
  messages: Messages,
) => Answer | undefined

export interface Route<
  P extends z.ZodType = z.ZodType,
  Q extends z.ZodType = z.ZodType,
  B extends z.ZodType = z.ZodType,
> {
  readonly method: Method
  /** OpenAPI style: `/agents/{agent_id}/invoke`. */
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly access: AccessRule
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  /** The body may be missing; the handler then gets what the schema makes of `{}`. */
  readonly bodyOptional?: boolean
  /**
   * What the body is sent as; JSON unless said. A form is for pages: a browser sends one from anybody's
   * page without asking first, so a route that takes it looks where it came from.
   */
  readonly takes?: 'form'
  /** How a refusal is shown where a person reads it; a problem document unless said. */
  readonly refusalPage?: RefusalPage
  /**
   * Somebody has signed the bytes of the body: the handler gets them as they came, and nothing looks at
   * them before. The schema says what should be in them, for the documents alone.
   */
  readonly rawBody?: z.ZodType
  /** Bytes; 64 KiB unless said. */
  readonly bodyLimit?: number
  /** Success answers by status, with the content type where it is not JSON. */
  readonly answers: Readonly<
    Record<number, { description: string; schema?: z.ZodType; contentType?: string }>
  >
  /** Problems that the handler itself may answer, for the documents. */
  readonly problems?: readonly ProblemCode[]
  /**
   * Whose Idempotency-Key it is where nobody has signed in: a digest of the address, so that two
   * strangers with the same key do not meet.
   */
  readonly principal?: (body: z.output<B>) => string
  /** The handler reads views: it waits until they show what came before (or `?after=`). */
  readonly reads?: boolean
  readonly handler: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<Answer> | Answer
}

/** Keeps the schemas' types for the handler; the list of routes holds them all as `AnyRoute`. */
export const route = <
  P extends z.ZodType = z.ZodType<Record<string, never>>,
  Q extends z.ZodType = z.ZodType<Record<string, never>>,
  B extends z.ZodType = z.ZodType<undefined>,
>(
  declaration: Route<P, Q, B>,
): AnyRoute => declaration as unknown as AnyRoute

// The server parses with the route's own schemas, so the handler gets what it declared.
export type AnyRoute = Omit<Route, 'handler' | 'principal'> & {
  readonly principal?: (body: never) => string
  readonly handler: (call: Call<never, never, never>) => Promise<Answer> | Answer
}
