import { MESSAGES } from '../ui/message.js'
import { inputNode, type UiNode } from '../ui/node.js'

/** The address field of recovery and verification, by code and by link. */
export const emailNode = (group: string, value?: string): UiNode =>
  inputNode(group, 'email', 'email', { value, required: true, label: MESSAGES.emailLabel() })

export const continueNode = (method: string): UiNode =>
  inputNode(method, 'method', 'submit', { value: method, label: MESSAGES.continue() })

/** Requests another code: the button's value is the address, its name the channel. */
export const resendNode = (via: string, address: string): UiNode =>
  inputNode('code', via, 'submit', { value: address, label: MESSAGES.resendCode() })
