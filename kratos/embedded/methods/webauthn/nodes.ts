import type { JsonObject } from '../../json.js'
import { MESSAGES, type UiMessage } from '../../ui/message.js'
import { inputNode, type UiNode } from '../../ui/node.js'
import { hexId, type StoredKey } from './credential.js'

const keyNode = (name: string, type: string, label?: UiMessage, value = ''): UiNode =>
  inputNode('webauthn', name, type, { value, label })

/** A button that carries the options, for the script as well as for pages of one's own. */
function trigger (name: string, action: string, options: JsonObject, label: UiMessage): UiNode {
  const value = JSON.stringify(options)
  return inputNode('webauthn', name, 'button', {
    value,
    label,
    scripts: { onclick: `window.${action}(${value})`, onclickTrigger: action },
  })
}

export const registerNode = (options: JsonObject, label: UiMessage): UiNode =>
  trigger('webauthn_register_trigger', 'oryWebAuthnRegistration', options, label)

export const nameNode = (): UiNode => keyNode('webauthn_register_displayname', 'text', MESSAGES.securityKeyName())
/** Where the answer of a key goes. */
export const registerAnswerNode = (): UiNode => keyNode('webauthn_register', 'hidden')

export const loginNode = (options: JsonObject, label: UiMessage): UiNode =>
  trigger('webauthn_login_trigger', 'oryWebAuthnLogin', options, label)

export const loginAnswerNode = (): UiNode => keyNode('webauthn_login', 'hidden')

/** First step of a login: asks for the key of an identifier. */
export const startNode = (): UiNode => keyNode('method', 'submit', MESSAGES.useSecurityKey(), 'webauthn')

export const removeNode = (key: StoredKey, isLast: boolean): UiNode =>
  inputNode('webauthn', 'webauthn_remove', 'submit', {
    value: hexId(key),
    disabled: isLast && key.is_passwordless,
    label: MESSAGES.removeSecurityKey(key.display_name === '' ? 'unnamed' : key.display_name, key.added_at),
  })
