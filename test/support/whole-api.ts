/** Every route of an application, and what a test of all of them needs to say about each. */
import type { AnyRoute } from '../../src/api/route.ts'
import type { App } from '../../src/app.ts'

/** The routes as they are declared: the OpenAPI document is made from the same list. */
export const everyRoute = ({ routes }: App): readonly AnyRoute[] => routes

export const nameOf = ({ method, path }: Pick<AnyRoute, 'method' | 'path'>): string =>
  `${method} ${path}`
