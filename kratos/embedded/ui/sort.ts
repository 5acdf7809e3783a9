import { nodeId, type UiNode } from './node.js'
import { stableSort } from './stable-sort.js'
import { unstableSort } from './unstable-sort.js'

export interface NodeOrder {
  /** Groups from first to last; other groups come before them. */
  groups?: string[]
  /** Names within a group; a prefix is enough. */
  keys?: string[]
}

/**
 * Sorts nodes in Kratos' two passes: by group, then by key within a group, where `default` and `password` are one
 * group. The first pass is not stable and the second comparison is not a total order, so the algorithms matter.
 */
export function sortNodes (nodes: UiNode[], { groups = [], keys = [] }: NodeOrder): void {
  if (groups.length > 0) unstableSort(nodes, (left, right) => groups.indexOf(left.group) < groups.indexOf(right.group))
  const position = (node: UiNode): number => {
    if (nodeId(node) === 'method') return nodes.length + keys.length + 1
    const at = keys.findIndex((key) => nodeId(node).startsWith(key))
    return at === -1 ? keys.length : at
  }
  stableSort(nodes, (left, right) => {
    if (!sortsWith(left.group, right.group)) return false
    const difference = position(left) - position(right)
    return difference === 0 ? printed(left) < printed(right) : difference < 0
  })
}

const sortsWith = (left: string, right: string): boolean =>
  left === right || (left === 'default' && right === 'password') || (left === 'password' && right === 'default')

/** Go's `%v` of the value. */
const printed = (node: UiNode): string => node.attributes.value === undefined ? '<nil>' : String(node.attributes.value)

/**
 * Order of keys in forms with traits: CSRF token, first key of the schema, password, other keys of the schema.
 * @param schemaKeys the identity schema's keys in the order written
 */
export const formKeys = (
  [first, ...others]: string[],
): string[] => ['csrf_token', ...(first === undefined ? [] : [first]), 'password', ...others]
