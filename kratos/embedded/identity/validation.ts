import type { Json, JsonObject } from '../json.js'
import { documentOf, rootOf } from '../json-schema/document.js'
import { dottedPath, leavesOf, type Problem } from '../json-schema/problem.js'
import { check } from '../json-schema/validate.js'
import { MESSAGES, type UiMessage } from '../ui/message.js'
import { messageOf } from './problem-message.js'

/** A message and the dotted path of its field; an empty path means the whole form. */
export interface FieldMessage {
  path: string
  message: UiMessage
}

/** The form has errors, which are shown at its fields (400 with the flow). */
export class FormError extends Error {
  readonly messages: FieldMessage[]
  /** The problem of an identity, for the admin API. */
  readonly problem: Problem | undefined

  constructor (messages: FieldMessage[], problem?: Problem) {
    super(messages.map(({ message }) => message.text).join('; '))
    this.name = 'FormError'
    this.messages = messages
    this.problem = problem
  }
}

/** A form error with one message. */
export const formError = (message: UiMessage, path = ''): FormError => new FormError([{ path, message }])

/** One message per violated rule, and one per missing property. */
export const fieldMessages = (problem: Problem): FieldMessage[] =>
  leavesOf(problem).flatMap((leaf): FieldMessage[] =>
    leaf.missing === undefined
      ? [{ path: dottedPath(leaf.instance), message: messageOf(leaf) }]
      : leaf.missing.map((name) => ({
        path: dottedPath([...leaf.instance, name]),
        message: MESSAGES.required(name),
      })),
  )

/** @throws FormError with one message per violated rule, in Kratos' order and with its texts */
export function ensureValid (schema: JsonObject, value: Json): void {
  const problem = check(rootOf(documentOf(schema)), value)
  if (problem !== undefined) throw new FormError(fieldMessages(problem), problem)
}
