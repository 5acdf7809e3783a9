import type { FastifyRequest } from 'fastify'
import { serviceError } from '../errors.js'
import { createBearerCheck } from './bearer.js'
import { logSecurityEvent } from './security-event.js'

/** A hook that lets through whoever holds OPERATOR_KEY. */
export function createOperatorCheck (key: string): (request: FastifyRequest) => Promise<void> {
  const isOperator = createBearerCheck([key])
  return async function checkOperator (request) {
    if (isOperator(request.headers)) return
    logSecurityEvent(request, 'operator_refused', {}, 'Events asked for without the operator key')
    throw serviceError('INVALID_OPERATOR_KEY')
  }
}
