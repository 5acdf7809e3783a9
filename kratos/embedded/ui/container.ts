import { leaves, type Json } from '../json.js'
import type { UiMessage } from './message.js'
import { inputNode, inputType, nodeId, setNodeValue, type UiNode } from './node.js'

/** A form: the `ui` of a flow. */
export interface UiContainer {
  action: string
  method: 'POST' | 'GET'
  nodes: UiNode[]
  messages: UiMessage[]
}

export const newContainer = (action: string): UiContainer => ({ action, method: 'POST', nodes: [], messages: [] })

export const findNode = (ui: UiContainer, id: string): UiNode | undefined =>
  ui.nodes.find((node) => nodeId(node) === id)

/** Replaces the node of the same name, or adds it. */
export function upsertNode (ui: UiContainer, node: UiNode): void {
  const at = ui.nodes.findIndex((old) => nodeId(old) === nodeId(node))
  if (at === -1) ui.nodes.push(node)
  else ui.nodes[at] = node
}

/** Removes the nodes for which `isGone` is true. */
export function removeNodes (ui: UiContainer, isGone: (node: UiNode) => boolean): void {
  ui.nodes = ui.nodes.filter((node) => !isGone(node))
}

/** Sets the values of existing nodes from `traits`; other leaves are ignored. */
export function fillTraits (ui: UiContainer, traits: Json | undefined): void {
  for (const [path, value] of leaves(traits ?? {})) {
    const node = findNode(ui, `traits.${path}`)
    if (node !== undefined) setNodeValue(node, value)
  }
}

/** Like `fillTraits`, but adds missing nodes and sets the group of existing ones. */
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

/** Clears value and messages of these nodes. */
export function resetNodes (ui: UiContainer, ...ids: string[]): void {
  for (const node of ui.nodes.filter((node) => ids.includes(nodeId(node)))) {
    setNodeValue(node, undefined)
    node.messages = []
  }
}

/** Clears all messages of the form; values stay. */
export function resetMessages (ui: UiContainer): void {
  ui.messages = []
  for (const node of ui.nodes) node.messages = []
}

/** Adds a message to the form or to a node. A missing node is added as a text field (recording 01). */
export function addMessage (ui: UiContainer, message: UiMessage, id = ''): void {
  if (id.trim() === '') {
    ui.messages.push(message)
    return
  }
  const node = findNode(ui, id)
  if (node === undefined) ui.nodes.push({ ...inputNode('default', id, 'text'), messages: [message] })
  else node.messages.push(message)
}

/** A form as Kratos shows it: without `messages` if there are none, and null if there are no nodes (recording 12). */
export const containerJson = ({ action, method, nodes, messages }: UiContainer): object => ({
  action,
  method,
  nodes: nodes.length === 0 ? null : nodes,
  ...(messages.length === 0 ? {} : { messages }),
})
