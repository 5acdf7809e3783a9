/** The rows of a table of settings, by name. */
export interface Node<Rule> {
  rule?: Rule
  names: Map<string, Node<Rule>>
  any?: Node<Rule>
  items?: Node<Rule>
}

/** Expands `{a,b}.c` to `a.c` and `b.c`. */
export function expanded (pattern: string): string[] {
  const [, before = '', names = '', after = ''] = /^(.*?)\{([^}]*)\}(.*)$/.exec(pattern) ?? []
  return names === '' ? [pattern] : names.split(',').flatMap((name) => expanded(before + name + after))
}

const namesOf = (path: string): string[] => path === '' ? [] : path.replaceAll('[]', '.[]').split('.')

function child<Rule> (node: Node<Rule>, name: string): Node<Rule> {
  if (name === '*') return (node.any ??= { names: new Map() })
  if (name === '[]') return (node.items ??= { names: new Map() })
  const made = node.names.get(name) ?? { names: new Map() }
  node.names.set(name, made)
  return made
}

/** `{a,b}` means each name, `*` any name, `[]` the items of a list. */
export function treeOf<Rule> (rows: Record<string, Rule>): Node<Rule> {
  const root: Node<Rule> = { names: new Map() }
  for (const [pattern, rule] of Object.entries(rows)) {
    for (const path of expanded(pattern)) {
      let node = root
      for (const name of namesOf(path)) node = child(node, name)
      node.rule = rule
    }
  }
  return root
}
