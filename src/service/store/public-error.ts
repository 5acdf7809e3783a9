import { serviceError, type ServiceError } from '../../errors.js'
import { InvalidCursorError, InvalidValueError, QuotaExceededError, StoreUnavailableError } from './errors.js'

/** A failure of the store as a client may see it; undefined for what is none, or a bug of ours. */
export function publicStoreError (error: unknown): ServiceError | undefined {
  if (error instanceof StoreUnavailableError) return serviceError('DATABASE_UNAVAILABLE', { cause: error })
  if (error instanceof InvalidValueError) return serviceError('VALIDATION_ERROR', { cause: error })
  if (error instanceof QuotaExceededError) return serviceError('QUOTA_EXCEEDED')
  if (error instanceof InvalidCursorError) {
    return serviceError('VALIDATION_ERROR', { fields: [{ path: '/cursor', message: 'is not a cursor of this list' }] })
  }
  return undefined
}
