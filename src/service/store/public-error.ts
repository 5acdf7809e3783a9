import { serviceError, type ServiceError } from '../../errors.js'
import { AccountDeletedError, InvalidCursorError, InvalidValueError, StoreUnavailableError } from './errors.js'

/** A failure of the store as a client may see it; undefined for what is none, or a bug of ours. */
export function publicStoreError (error: unknown): ServiceError | undefined {
  if (error instanceof StoreUnavailableError) return serviceError('DATABASE_UNAVAILABLE', { cause: error })
  // Whose account is gone has no session, whatever a cache still says.
  if (error instanceof AccountDeletedError) return serviceError('INVALID_SESSION', { cause: error })
  if (error instanceof InvalidValueError) return serviceError('VALIDATION_ERROR', { cause: error })
  if (error instanceof InvalidCursorError) {
    return serviceError('VALIDATION_ERROR', { fields: [{ path: '/cursor', message: 'is not a cursor of this list' }] })
  }
  return undefined
}
