import type { Json } from '../json.js'
import type { UiMessage } from './message.js'

export type NodeType = 'input' | 'text' | 'img' | 'a' | 'script' | 'div'

/** Attributes as Kratos shows them: `name` for inputs, `id` for other nodes. */
export type NodeAttributes = {
  node_type: NodeType
  name?: string
  id?: string
  type?: string
  value?: Json
  disabled?: boolean
  [key: string]: unknown
}

export interface UiNode {
  type: NodeType
  group: string
  attributes: NodeAttributes
  messages: UiMessage[]
  meta: { label?: UiMessage }
}

export interface InputOptions {
  value?: Json | undefined
  required?: boolean
  autocomplete?: string
  pattern?: string
  maxlength?: number
  disabled?: boolean
  label?: UiMessage | undefined
  /** Script of the page, and the name by which an app of its own finds what to do. */
  scripts?: { [event in 'onclick' | 'onclickTrigger' | 'onload' | 'onloadTrigger']?: string }
}

/** An input field. Options that are not given are omitted, as in Kratos. */
export function inputNode (group: string, name: string, type: string, options: InputOptions = {}): UiNode {
  const { value, required, autocomplete, pattern, maxlength, disabled, label, scripts } = options
  return {
    type: 'input',
    group,
    attributes: {
      name,
      type,
      ...(value === undefined || value === null ? {} : { value }),
      ...(required === true ? { required } : {}),
      ...(autocomplete === undefined ? {} : { autocomplete }),
      ...(pattern === undefined ? {} : { pattern }),
      disabled: disabled ?? false,
      ...(maxlength === undefined ? {} : { maxlength }),
      ...scripts,
      node_type: 'input',
    },
    messages: [],
    meta: label === undefined ? {} : { label },
  }
}

export const textNode = (group: string, id: string, text: UiMessage): UiNode => ({
  type: 'text',
  group,
  attributes: { text, id, node_type: 'text' },
  messages: [],
  meta: {},
})

/** A link, such as the one at the end of a flow. */
export const anchorNode = (group: string, id: string, href: string, label: UiMessage): UiNode => ({
  type: 'a',
  group,
  attributes: { href, title: label, id, node_type: 'a' },
  messages: [],
  meta: { label },
})

export const csrfNode = (token: string): UiNode =>
  inputNode('default', 'csrf_token', 'hidden', { value: token, required: true })

/** Name or id of a node. */
export const nodeId = ({ attributes }: UiNode): string => attributes.name ?? attributes.id ?? ''

/** Sets or clears the value of an input. */
export function setNodeValue (node: UiNode, value: Json | undefined): void {
  if (value === undefined || value === null) delete node.attributes.value
  else node.attributes.value = value
}

/** The input type that Kratos derives from a field's name and type. */
export function inputType (name: string, kind: 'string' | 'number' | 'boolean' | 'other'): string {
  if (name === 'csrf_token') return 'hidden'
  if (name === 'password') return 'password'
  if (kind === 'number') return 'number'
  return kind === 'boolean' ? 'checkbox' : 'text'
}
