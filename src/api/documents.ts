/**
 * What describes the API: the OpenAPI document as checked in, and a page for people made from it. The
 * page needs no script and loads nothing from anywhere.
 */
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { referencePage } from './reference-page.ts'
import { type AnyRoute, route } from './route.ts'

const FILE = new URL('../../docs/openapi.json', import.meta.url)

export function documentRoutes(): AnyRoute[] {
  let json: Promise<string> | undefined
  let page: Promise<string> | undefined
  const document = () => (json ??= readFile(FILE, 'utf8'))
  return [
    route({
      method: 'GET',
      path: '/openapi.json',
      tag: 'operations',
      summary: 'This API as an OpenAPI 3.1 document',
      access: { actor: 'anyone', resource: 'documents', action: 'read', limits: [] },
      answers: { 200: { description: 'The document', schema: z.looseObject({}) } },
      handler: async () => ({
        body: await document(),
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'cache-control': 'public, max-age=300',
        },
      }),
    }),
    route({
      method: 'GET',
      path: '/docs',
      tag: 'operations',
      summary: 'This API as a page for people',
      access: { actor: 'anyone', resource: 'documents', action: 'read', limits: [] },
      answers: { 200: { description: 'The page', contentType: 'text/html' } },
      handler: async () => ({
        body: await (page ??= document().then((text) => referencePage(JSON.parse(text)))),
        headers: {
          'content-type': 'text/html; charset=utf-8',
          'cache-control': 'public, max-age=300',
          'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
        },
      }),
    }),
  ]
}
