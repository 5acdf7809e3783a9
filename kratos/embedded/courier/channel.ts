import type { JsonObject } from '../json.js'
import type { Kratos } from '../kratos.js'
import type { CourierMessage } from '../store/messages.js'

/** Delivers messages of one kind. @throws DispatchError */
export type Channel = (kratos: Kratos, message: CourierMessage) => Promise<void>

/** Why a message could not be delivered, as Kratos records it. */
export class DispatchError extends Error {
  readonly record: JsonObject

  constructor (message: string, reason?: string) {
    super(message)
    this.name = 'DispatchError'
    const why = reason === undefined ? {} : { reason }
    this.record = { code: 500, status: 'Internal Server Error', ...why, message }
  }
}
