import type { Flow } from '../flow/flow.js'
import { formSchema } from '../flow/form-schema.js'
import { readForm, submittedMethod, validateForm } from '../flow/form.js'
import { csrfToken } from '../http/csrf.js'
import { notEmbedded } from '../http/errors.js'
import type { Exchange } from '../http/exchange.js'
import type { JsonObject } from '../json.js'
import { fillTraits, upsertNode } from '../ui/container.js'
import { csrfNode } from '../ui/node.js'
import { ensureEnabled, isEnabled, NOT_RESPONSIBLE, type Method } from './method.js'

/** Settings fields that select a method, whatever `method` is. */
const BUTTONS: Record<string, JsonObject> = {
  passkey: { passkey_settings_register: { type: 'string' }, passkey_remove: { type: 'string' } },
}

const PASSKEY_SIGN_UP: JsonObject = {
  properties: {
    csrf_token: { type: 'string' },
    method: { type: 'string' },
    passkey_register: { type: 'string' },
    transient_payload: { type: 'object' },
  },
}

/**
 * Kratos checks passkeys whatever `method` is, even while they are disabled. So a sign-up that no earlier method
 * accepted fails at its traits first (tried on v26.2.0).
 */
function isPasskeySignUp (ex: Exchange, flow: Flow): boolean {
  const schema = formSchema(PASSKEY_SIGN_UP, ex.kratos.schemas.get(flow.identitySchema))
  const form = readForm(ex, schema)
  try {
    validateForm(form, schema)
  } catch (error) {
    fillTraits(flow.ui, form['traits'])
    if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    throw error
  }
  return !['', 'true', undefined].includes(form['passkey_register'] as string | undefined)
}

const PASSKEY_SIGN_IN: JsonObject = {
  properties: { csrf_token: { type: 'string' }, method: { type: 'string' }, passkey_login: { type: 'string' } },
}

/** Passkeys read only bodies. So a GET that no earlier method accepted is refused here (recording 14). */
function isPasskeySignIn (ex: Exchange): boolean {
  const form = readForm(ex, PASSKEY_SIGN_IN)
  validateForm(form, PASSKEY_SIGN_IN)
  return form['method'] === 'passkey' || ![undefined, ''].includes(form['passkey_login'] as string | undefined)
}

/**
 * A method that is not built: 501 once it is enabled. While it is disabled, a passkey in a registration or login is
 * 404, and so is a button in the settings (tried on v26.2.0). The forms have no fields for it.
 */
export function unbuilt (id: string): Method {
  const refuse = (ex: Exchange): typeof NOT_RESPONSIBLE => {
    ensureEnabled(ex.kratos, id)
    throw notEmbedded(`The method ${id} is not built.`)
  }
  const isMeant = (ex: Exchange): boolean => submittedMethod(ex) === id
  const populate = (): void => {}
  const buttons: JsonObject = { type: 'object', properties: BUTTONS[id] ?? {} }
  return {
    id,
    group: id,
    registration: {
      populate,
      submit: async (ex, flow) =>
        (id === 'passkey' ? isPasskeySignUp(ex, flow) : isMeant(ex) && isEnabled(ex.kratos, id))
          ? refuse(ex)
          : NOT_RESPONSIBLE,
    },
    login: {
      populate,
      submit: async (ex) =>
        (id === 'passkey' ? isPasskeySignIn(ex) : isMeant(ex) && isEnabled(ex.kratos, id))
          ? refuse(ex)
          : NOT_RESPONSIBLE,
    },
    settings: {
      populate,
      read: (ex) => {
        const isButton = Object.keys(readForm(ex, buttons, { allowGet: true })).length > 0
        if (isButton || (isMeant(ex) && isEnabled(ex.kratos, id))) refuse(ex)
        return undefined
      },
      apply: async (ex) => refuse(ex),
    },
  }
}
