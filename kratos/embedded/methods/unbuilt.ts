import { submittedMethod } from '../flow/form.js'
import { notEmbedded } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import { ensureEnabled, NOT_RESPONSIBLE, type Method } from './method.js'

/**
 * A method of Kratos that this server knows by name only: 404 while it is switched off, as recorded (01), and 501 once it
 * is on. Its fields are missing in the forms.
 */
export function unbuilt (id: string): Method {
  const refuse = async (ex: Exchange): Promise<typeof NOT_RESPONSIBLE> => {
    if (submittedMethod(ex) !== id) return NOT_RESPONSIBLE
    ensureEnabled(ex.kratos, id)
    throw notEmbedded(`The method ${id} is not built.`)
  }
  return { id, group: id, registration: { populate: () => {}, submit: refuse }, login: { populate: () => {}, submit: refuse } }
}
