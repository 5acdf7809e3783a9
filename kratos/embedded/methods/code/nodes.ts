import { MESSAGES } from '../../ui/message.js'
import { inputNode, type UiNode } from '../../ui/node.js'

export const codeNode = (label: UiNode['meta']['label']): UiNode =>
  inputNode('code', 'code', 'text', { required: true, label })

/** Only recovery describes the format of the code. */
export const recoveryCodeNode = (): UiNode =>
  inputNode('code', 'code', 'text', {
    required: true,
    pattern: '[0-9]+',
    maxlength: 6,
    label: MESSAGES.recoveryCodeLabel(),
  })

/** Sends the method along when the button for another code is pressed. */
export const hiddenMethodNode = (): UiNode => inputNode('code', 'method', 'hidden', { value: 'code' })

export const resendButton = (): UiNode =>
  inputNode('code', 'resend', 'submit', { value: 'code', label: MESSAGES.resendCode() })

export const sendLoginCodeNode = (): UiNode =>
  inputNode('code', 'method', 'submit', { value: 'code', label: MESSAGES.sendLoginCode() })

export const sendRegistrationCodeNode = (): UiNode =>
  inputNode('code', 'method', 'submit', { value: 'code', label: MESSAGES.sendRegistrationCode() })
