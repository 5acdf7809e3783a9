import { MESSAGES } from '../../ui/message.js'
import { inputNode, type UiNode } from '../../ui/node.js'

export const passwordNode = (autocomplete: 'new-password' | 'current-password'): UiNode =>
  inputNode('password', 'password', 'password', { required: true, autocomplete, label: MESSAGES.password() })

export const submitNode = (label: NonNullable<UiNode['meta']['label']>): UiNode =>
  inputNode('password', 'method', 'submit', { value: 'password', label })
