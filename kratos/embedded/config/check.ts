import { isDeepStrictEqual } from 'node:util'
import { isObject, type Json } from '../json.js'
import { KEYS } from './keys.js'
import { isNewer, NEWER } from './newer.js'
import type { Rule } from './rules.js'
import { treeOf, type Node } from './tree.js'

/** Result of the check of a configuration. */
export interface Verdict {
  /** One line each: the path and the problem. */
  problems: string[]
  /** Settings that change no answer, grouped by the reason for ignoring them. */
  ignored: Map<string, string[]>
  /** Settings that would change answers and are left out, grouped by the missing feature. */
  leftOut: Map<string, string[]>
}

export const TREE = treeOf(KEYS)
const NEWER_TREE = treeOf(Object.fromEntries(NEWER.map((path): [string, true] => [path, true])))

/** Checks a configuration, without defaults, against the table. */
export function checkConfig (config: Json): Verdict {
  const verdict: Verdict = { problems: [], ignored: new Map(), leftOut: new Map() }
  visit({ verdict, isNewer: isNewer(isObject(config) ? config['version'] : undefined) }, TREE, NEWER_TREE, config, '')
  return verdict
}

/** Features of Kratos that are in the table and not built. */
export const notBuilt = (): string[] => [
  ...new Set(Object.values(KEYS).flatMap((rule) => (rule.kind === 'unbuilt' ? [rule.what] : []))),
]

interface Visit {
  verdict: Verdict
  /** Whether the configuration is for a newer Kratos: what is unknown is no mistake then. */
  isNewer: boolean
}

const NEWER_KRATOS = 'settings that Kratos v26.2.0 does not have'

function note (groups: Map<string, string[]>, reason: string, path: string): void {
  groups.set(reason, [...groups.get(reason) ?? [], path])
}

function visit (run: Visit, node: Node<Rule>, newer: Node<true> | undefined, value: Json, path: string): void {
  const { verdict } = run
  const { rule } = node
  const complain = (problem: string | undefined): void => {
    if (problem !== undefined) verdict.problems.push(`${path === '' ? 'the configuration' : path} ${problem}`)
  }
  if (value === null) {
    const isFine = rule?.kind === 'group' ? rule.mayBeEmpty : rule?.check.type === 'any' && isLeaf(node)
    return isFine ? undefined : complain('has no value')
  }
  if (rule?.kind === 'ignored') note(verdict.ignored, rule.why, path)
  if (rule?.kind === 'unbuilt' && !rule.off.some((off) => isDeepStrictEqual(off, value))) {
    note(verdict.leftOut, rule.what, path)
  }
  if (isLeaf(node)) return complain(rule?.check.problem(value))
  if (node.items !== undefined) {
    if (!Array.isArray(value)) return complain('wants a list')
    complain(rule?.check.problem(value))
    return value.forEach((item, index) => {
      visit(run, node.items as Node<Rule>, newer?.items, item, `${path}[${index}]`)
    })
  }
  const isUntyped = rule?.kind === 'group' && rule.mayBeEmpty
  if (!isObject(value)) return isUntyped ? undefined : complain('wants settings of its own below it')
  if (rule?.kind === 'group') {
    for (const name of rule.required.filter((name) => !Object.hasOwn(value, name))) complain(`lacks ${name}`)
  }
  complain(rule?.check.problem(value))
  const missing = rule?.kind === 'group' ? rule.leftOut?.(value) : undefined
  if (missing !== undefined) return note(verdict.leftOut, missing, path)
  for (const [name, item] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`
    const next = node.names.get(name) ?? node.any
    if (next !== undefined) visit(run, next, newer?.names.get(name), item, at)
    else if (run.isNewer || newer?.names.has(name) === true) note(verdict.leftOut, NEWER_KRATOS, at)
    else complain(`has no setting ${JSON.stringify(name)}; known here: ${[...node.names.keys()].sort().join(', ')}`)
  }
}

const isLeaf = (node: Node<Rule>): boolean =>
  node.items === undefined && node.any === undefined && node.names.size === 0
