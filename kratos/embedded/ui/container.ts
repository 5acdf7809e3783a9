import { leaves, type Json } from '../json.js'
import type { UiMessage } from './message.js'
import { inputNode, inputType, nodeId, setNodeValue, type UiNode } from './node.js'

/** A form: what a flow's `ui` is. */
export interface UiContainer {
  action: string
  method: 'POST' | 'GET'
  nodes: UiNode[]
  messages: UiMessage[]
}

export const newContainer = (action: string): UiContainer => ({ action, method: 'POST', nodes: [], messages: [] })

export const findNode = (ui: UiContainer, id: string): UiNode | undefined => ui.nodes.find(node => nodeId(node) === id)

/** Replaces the node of the same name, or appends. */
export function upsertNode (ui: UiContainer, node: UiNode): void {
  const at = ui.nodes.findIndex(old => nodeId(old) === nodeId(node))
  if (at === -1) ui.nodes.push(node)
  else ui.nodes[at] = node
}

/** Removes the nodes that `isGone` names. */
export function removeNodes (ui: UiContainer, isGone: (node: UiNode) => boolean): void {
  ui.nodes = ui.nodes.filter(node => !isGone(node))
}

/** Gives the existing nodes the values of `traits`; unknown leaves are dropped. */
export function fillTraits (ui: UiContainer, traits: Json | undefined): void {
  for (const [path, value] of leaves(traits ?? {})) {
    const node = findNode(ui, `traits.${path}`)
    if (node !== undefined) setNodeValue(node, value)
  }
}

/** As `fillTraits`, but a leaf without a node gets one and known nodes change their group. */
export function upsertTraits (ui: UiContainer, traits: Json, group: string): void {
  for (const [path, value] of leaves(traits)) {
    const node = findNode(ui, `traits.${path}`)
    if (node === undefined) {
      const kind = typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'string'
      ui.nodes.push(inputNode(group, `traits.${path}`, inputType(`traits.${path}`, kind), { value }))
      continue
    }
    setNodeValue(node, value)
    node.group = group
  }
}

/** Clears value and messages of the named nodes. */
export function resetNodes (ui: UiContainer, ...ids: string[]): void {
  for (const node of ui.nodes.filter(node => ids.includes(nodeId(node)))) {
    setNodeValue(node, undefined)
    node.messages = []
  }
}

/** Clears the form's and its nodes' messages; values stay. */
export function resetMessages (ui: UiContainer): void {
  ui.messages = []
  for (const node of ui.nodes) node.messages = []
}

/** Adds a message to the form, or to a node; a node that does not exist is made as a text field (recording 01). */
export function addMessage (ui: UiContainer, message: UiMessage, id = ''): void {
  if (id.trim() === '') {
    ui.messages.push(message)
    return
  }
  const node = findNode(ui, id)
  if (node === undefined) ui.nodes.push({ ...inputNode('default', id, 'text'), messages: [message] })
  else node.messages.push(message)
}

/** As Kratos serves a form: no `messages` when there are none, and null for no nodes (recording 12). */
export const containerJson = ({ action, method, nodes, messages }: UiContainer): object =>
  ({ action, method, nodes: nodes.length === 0 ? null : nodes, ...(messages.length === 0 ? {} : { messages }) })
