import { reportError, showInForm } from '../../flow/answers.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import type { Answer } from '../../http/answer.js'
import { ApiError, noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'

/** Opening a login has already produced an answer. */
export class FailedOpening extends Error {
  readonly answer: Answer

  constructor (answer: Answer) {
    super('a hook before the login failed')
    this.name = 'FailedOpening'
    this.answer = answer
  }
}

/**
 * The answer when a `before` hook fails. Kratos reports the error and then also writes the flow, which it has not
 * stored. So a JSON body has two documents (docs/kratos-facts.md, section 17), and an error for the form of that flow
 * is a 404.
 */
export function failedOpening (ex: Exchange, flow: Flow, error: unknown, sort: (flow: Flow) => void): FailedOpening {
  const isForForm = showInForm(flow, error)
  if (isForForm) sort(flow)
  const reported = isForForm ? noRow() : error
  if (!(reported instanceof ApiError)) throw error
  const answer = reportError(ex, flow, reported)
  if (answer.status === 303) return new FailedOpening(answer)
  return new FailedOpening({ ...answer, body: `${answer.body ?? ''}${JSON.stringify(flowJson(flow))}\n` })
}
