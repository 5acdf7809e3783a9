import type { Flow } from '../../flow/flow.js'
import type { JsonObject } from '../../json.js'
import { MESSAGES, type UiMessage } from '../../ui/message.js'
import { inputNode, type InputOptions, type UiNode } from '../../ui/node.js'
import { hexId, type StoredKey } from '../webauthn/credential.js'

const passkeyNode = (name: string, type: string, options: InputOptions = {}): UiNode =>
  inputNode('passkey', name, type, options)

/** A native app gets the name of what to do, but no script. */
const trigger = (flow: Flow, name: string, action: string, label: UiMessage, value?: string): UiNode =>
  passkeyNode(name, 'button', {
    value,
    label,
    scripts: { ...(flow.type === 'browser' ? { onclick: `window.${action}()` } : {}), onclickTrigger: action },
  })

export const optionsNode = (name: 'passkey_create_data' | 'passkey_challenge', options: JsonObject): UiNode =>
  passkeyNode(name, 'hidden', { value: JSON.stringify(options) })

export const signUpNode = (flow: Flow): UiNode =>
  trigger(flow, 'passkey_register_trigger', 'oryPasskeyRegistration', MESSAGES.signUpWithPasskey())

export const signInNode = (flow: Flow): UiNode =>
  trigger(flow, 'passkey_login_trigger', 'oryPasskeyLogin', MESSAGES.signInWithPasskey(), '')

export const addNode = (flow: Flow): UiNode =>
  trigger(flow, 'passkey_register_trigger', 'oryPasskeySettingsRegistration', MESSAGES.addPasskey(), '')

/** Where the answer of a key goes. */
export const answerNode = (
  name: 'passkey_register' | 'passkey_settings_register' | 'passkey_login',
): UiNode => passkeyNode(name, 'hidden')

const OFFER = 'oryPasskeyLoginAutocompleteInit'

/** The same for a login that offers passkeys while the identifier is typed. */
export const offeringNode = (flow: Flow): UiNode =>
  passkeyNode('passkey_login', 'hidden', {
    scripts: { ...(flow.type === 'browser' ? { onload: `window.${OFFER}()` } : {}), onloadTrigger: OFFER },
  })

export const removeNode = (key: StoredKey, isLast: boolean): UiNode =>
  passkeyNode('passkey_remove', 'submit', {
    value: hexId(key),
    disabled: isLast,
    label: MESSAGES.removePasskey(key.display_name === '' ? 'unnamed' : key.display_name, key.added_at),
  })
