import { rfc3339 } from '../../clock.js'
import { json, type Answer } from '../../http/answer.js'
import { errorObject, internal, noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { route, type Route } from '../../http/router.js'
import { newId, NIL_UUID, parseUuid } from '../../random.js'

/** The stored error that the error page shows; it can be read repeatedly (recording 64). */
function fetchError (ex: Exchange): Answer {
  const asked = ex.query.get('error') || ex.query.get('id')
  if (asked === 'stub:500') return json(200, stub())
  const stored = ex.kratos.store.errors.get(parseUuid(asked) ?? NIL_UUID)
  if (stored === undefined) throw noRow()
  return json(200, {
    id: stored.id,
    error: stored.error,
    created_at: rfc3339(stored.createdAt),
    updated_at: rfc3339(stored.updatedAt),
  })
}

const stub = (): object => ({
  id: newId(),
  error: errorObject(internal('This is a stub error.')),
  created_at: '0001-01-01T00:00:00Z',
  updated_at: '0001-01-01T00:00:00Z',
})

export const errorRoutes: Route[] = [route('GET', '/self-service/errors', fetchError)]
