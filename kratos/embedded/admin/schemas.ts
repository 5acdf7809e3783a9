import { json, type Answer } from '../http/answer.js'
import { ApiError, notFound } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { pageParameters, paginationHeaders } from '../http/pagination.js'
import { route, type Route } from '../http/router.js'

function get (ex: Exchange): Answer {
  const id = ex.params['id'] ?? ''
  try {
    return json(200, ex.kratos.schemas.get(id).document)
  } catch (error) {
    throw error instanceof ApiError ? notFound(`Identity schema \`${id}\` could not be found.`) : error
  }
}

function list (ex: Exchange): Answer {
  const { page, perPage } = pageParameters(ex.query)
  const { all } = ex.kratos.schemas
  const shown = all.slice(page * perPage, (page + 1) * perPage).map(({ id, document }) => ({ id, schema: document }))
  return json(200, shown, paginationHeaders(ex, all.length, page, perPage))
}

/** Identity schemas on the public port (recording 82). */
export const schemaRoutes: Route[] = ['', '/admin'].flatMap((prefix) => [
  route('GET', `${prefix}/schemas`, list),
  route('GET', `${prefix}/schemas/{id}`, get),
])
