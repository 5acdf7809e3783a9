import { serviceError, type ServiceError } from '../../errors.js'
import { InvalidCursorError, InvalidValueError, QuotaExceededError, StoreUnavailableError } from './errors.js'

// Kratos waits so long before it tries a webhook again, twice: two minutes for a database to come back. Without the
// header it gives up after three seconds (docs/kratos-facts.md, section 20).
const WEBHOOK_RETRY_SECONDS = 60

const retryAfter = (route: string | undefined): number | undefined =>
  route?.startsWith('/internal/') === true ? WEBHOOK_RETRY_SECONDS : undefined

/** Undefined for what is no failure of the store, or a bug of ours. @param route template of the route that failed */
export function publicStoreError (error: unknown, route?: string): ServiceError | undefined {
  if (error instanceof StoreUnavailableError) {
    return serviceError('DATABASE_UNAVAILABLE', { cause: error, retryAfter: retryAfter(route) })
  }
  if (error instanceof InvalidValueError) return serviceError('VALIDATION_ERROR', { cause: error })
  if (error instanceof QuotaExceededError) return serviceError('QUOTA_EXCEEDED')
  if (error instanceof InvalidCursorError) {
    return serviceError('VALIDATION_ERROR', { fields: [{ path: '/cursor', message: 'is not a cursor of this list' }] })
  }
  return undefined
}
