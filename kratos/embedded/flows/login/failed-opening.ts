import { reportError, showInForm } from '../../flow/answers.js'
import { flowJson, type Flow } from '../../flow/flow.js'
import type { Answer } from '../../http/answer.js'
import { ApiError, noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'

/** Opening a login ended with an answer of its own. */
export class FailedOpening extends Error {
  readonly answer: Answer

  constructor (answer: Answer) {
    super('a hook before the login failed')
    this.name = 'FailedOpening'
    this.answer = answer
  }
}

/**
 * What a failing `before` hook leads to: Kratos reports the error and goes on to write the flow, which it never stored. So
 * a JSON body holds two documents (facts 17), and an objection, which belongs into a stored flow, is a 404.
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
