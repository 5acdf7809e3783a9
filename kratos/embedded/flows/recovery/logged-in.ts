import { writeError } from '../../flow/answers.js'
import { redirect, type Answer } from '../../http/answer.js'
import { ApiError, badRequest } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import { checkedReturnTo } from '../../http/return-to.js'

export const alreadyLoggedIn = (): ApiError =>
  badRequest('A valid session was detected and thus recovery is not possible.', { id: 'session_already_available' })

/**
 * A recovery needs nobody logged in: an error, or a redirect home, which can only be a URL of Kratos (recording 56).
 */
export function answerLoggedIn (ex: Exchange): Answer {
  return isJsonRequest(ex) ? writeError(ex, alreadyLoggedIn()) : redirect(ex.method, 302, home(ex))
}

function home (ex: Exchange): string {
  try {
    return checkedReturnTo(ex, { isOwnOnly: true })
  } catch (error) {
    if (error instanceof ApiError) return ex.kratos.config.selfservice.default_browser_return_url
    throw error
  }
}
