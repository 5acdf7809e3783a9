import { isDeepStrictEqual } from 'node:util'
import { isObject, type Json } from '../json.js'
import { KEYS } from './keys.js'
import type { Rule } from './rules.js'

/** Result of the check of a configuration. */
export interface Verdict {
  /** One line each: the path and the problem. */
  problems: string[]
  /** Settings that change no answer, grouped by the reason for ignoring them. */
  ignored: Map<string, string[]>
}

interface Node {
  rule?: Rule
  names: Map<string, Node>
  any?: Node
  items?: Node
}

const newNode = (): Node => ({ names: new Map() })

/** Expands `{a,b}.c` to `a.c` and `b.c`. */
function expanded (pattern: string): string[] {
  const [, before = '', names = '', after = ''] = /^([^{]*)\{([^{}]*)\}(.*)$/.exec(pattern) ?? []
  return names === '' ? [pattern] : names.split(',').flatMap((name) => expanded(before + name + after))
}

const namesOf = (path: string): string[] => path === '' ? [] : path.replaceAll('[]', '.[]').split('.')

function child (node: Node, name: string): Node {
  if (name === '*') return (node.any ??= newNode())
  if (name === '[]') return (node.items ??= newNode())
  const made = node.names.get(name) ?? newNode()
  node.names.set(name, made)
  return made
}

function treeOf (rows: Record<string, Rule>): Node {
  const root = newNode()
  for (const [pattern, rule] of Object.entries(rows)) {
    for (const path of expanded(pattern)) namesOf(path).reduce(child, root).rule = rule
  }
  return root
}

const TREE = treeOf(KEYS)

/** Checks a configuration, without defaults, against the table. */
export function checkConfig (config: Json): Verdict {
  const verdict: Verdict = { problems: [], ignored: new Map() }
  visit(TREE, config, '', verdict)
  return verdict
}

/** Features of Kratos that are in the table and not built. */
export const notBuilt = (): string[] => [
  ...new Set(Object.values(KEYS).flatMap((rule) => (rule.kind === 'unbuilt' ? [rule.what] : []))),
]

function visit (node: Node, value: Json, path: string, verdict: Verdict): void {
  const { rule } = node
  const complain = (problem: string | undefined): void => {
    if (problem !== undefined) verdict.problems.push(`${path === '' ? 'the configuration' : path} ${problem}`)
  }
  if (value === null) return complain('has no value')
  if (rule?.kind === 'ignored') verdict.ignored.set(rule.why, [...verdict.ignored.get(rule.why) ?? [], path])
  if (rule?.kind === 'unbuilt' && !rule.off.some((off) => isDeepStrictEqual(off, value))) complain(refusal(rule))
  if (rule?.kind === 'read') complain(rule.check(value))
  if (node.items !== undefined) {
    return Array.isArray(value)
      ? value.forEach((item, index) => visit(node.items as Node, item, `${path}[${index}]`, verdict))
      : complain('wants a list')
  }
  if (node.any === undefined && node.names.size === 0) return
  if (!isObject(value)) return complain('wants settings of its own below it')
  if (rule?.kind === 'group') {
    for (const name of rule.required.filter((name) => !Object.hasOwn(value, name))) complain(`lacks ${name}`)
    complain(rule.check(value))
  }
  for (const [name, item] of Object.entries(value)) {
    const next = node.names.get(name) ?? node.any
    if (next === undefined) {
      complain(`has no setting ${JSON.stringify(name)}; known here: ${[...node.names.keys()].sort().join(', ')}`)
    } else {
      visit(next, item, path === '' ? name : `${path}.${name}`, verdict)
    }
  }
}

function refusal ({ what, off: [only] }: Rule & { kind: 'unbuilt' }): string {
  const taken = only === undefined || only === '' ? 'leave it out' : `only ${JSON.stringify(only)} is taken`
  return `would be ignored and change answers (not built: ${what}); ${taken}`
}
