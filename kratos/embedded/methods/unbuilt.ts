import { readForm, submittedMethod } from '../flow/form.js'
import { notEmbedded } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { JsonObject } from '../json.js'
import { ensureEnabled, isEnabled, NOT_RESPONSIBLE, type Method } from './method.js'

/** Fields by which a method's part of the settings knows that it is meant, whatever `method` says. */
const BUTTONS: Record<string, JsonObject> = {
  oidc: { link: { type: 'string' }, unlink: { type: 'string' } },
  passkey: { passkey_settings_register: { type: 'string' }, passkey_remove: { type: 'string' } }
}

/**
 * A method of Kratos that this server knows by name only: 501 once it is on. While it is off, a registration with it is 404
 * (recording 01), as is a passkey at a login and a button in the settings (tried on v26.2.0). Its fields are missing in the forms.
 */
export function unbuilt (id: string): Method {
  const refuse = (ex: Exchange): typeof NOT_RESPONSIBLE => {
    ensureEnabled(ex.kratos, id)
    throw notEmbedded(`The method ${id} is not built.`)
  }
  const isMeant = (ex: Exchange): boolean => submittedMethod(ex) === id
  const isLookedAt = ({ kratos }: Exchange): boolean => id === 'passkey' || isEnabled(kratos, id)
  const populate = (): void => {}
  const buttons: JsonObject = { type: 'object', properties: BUTTONS[id] ?? {} }
  return {
    id,
    group: id,
    registration: { populate, submit: async (ex) => isMeant(ex) ? refuse(ex) : NOT_RESPONSIBLE },
    login: { populate, submit: async (ex) => isMeant(ex) && isLookedAt(ex) ? refuse(ex) : NOT_RESPONSIBLE },
    settings: {
      populate,
      read: (ex) => {
        const isButton = Object.keys(readForm(ex, buttons, { allowGet: true })).length > 0
        if (isButton || (isMeant(ex) && isEnabled(ex.kratos, id))) refuse(ex)
        return undefined
      },
      apply: async (ex) => refuse(ex)
    }
  }
}
