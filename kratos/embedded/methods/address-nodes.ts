import { MESSAGES } from '../ui/message.js'
import { inputNode, type UiNode } from '../ui/node.js'

/** Fields that recovery and verification ask with, by code and by link alike. */
export const emailNode = (group: string, value?: string): UiNode =>
  inputNode(group, 'email', 'email', { value, required: true, label: MESSAGES.emailLabel() })

export const continueNode = (method: string): UiNode =>
  inputNode(method, 'method', 'submit', { value: method, label: MESSAGES.continue() })

/** Sends another code: the address is the button's value, its channel the button's name. */
export const resendNode = (via: string, address: string): UiNode =>
  inputNode('code', via, 'submit', { value: address, label: MESSAGES.resendCode() })
