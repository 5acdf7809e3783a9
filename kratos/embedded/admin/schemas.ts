import { json, type Answer } from '../http/answer.js'
import { noRow, ApiError } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { route, type Route } from '../http/router.js'

function get (ex: Exchange): Answer {
  try {
    return json(200, ex.kratos.schemas.get(ex.params['id'] ?? '').document, { 'Content-Type': 'application/json' })
  } catch (error) {
    throw error instanceof ApiError ? noRow() : error
  }
}

const list = (ex: Exchange): Answer => json(200, ex.kratos.schemas.all.map(({ id, document }) => ({ id, schema: document })))

/** Identity schemas, on both ports. */
export const schemaRoutes: Route[] = ['', '/admin'].flatMap(prefix => [
  route('GET', `${prefix}/schemas`, list),
  route('GET', `${prefix}/schemas/{id}`, get)
])
