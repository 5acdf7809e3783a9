import { parser } from '@prometheus-io/lezer-promql'

type Node = ReturnType<typeof parser.parse>['topNode']
/** Values by their labels, written as JSON in the order of their names. */
type Vector = Map<string, number>

export interface Scrapes {
  /** Two answers of /metrics, and the seconds between them: what a range covers. */
  before: string
  after: string
  seconds: number
}

const labelsOf = (series: string): Record<string, string> => JSON.parse(series) as Record<string, string>
const seriesOf = (labels: Record<string, string>): string =>
  JSON.stringify(Object.fromEntries(Object.entries(labels).sort(([one], [other]) => one < other ? -1 : 1)))

function samples (metrics: string, name: string, matches: (labels: Record<string, string>) => boolean): Vector {
  const found: Vector = new Map()
  for (const [, metric, list = '', value] of metrics.matchAll(/^(\w+)(?:\{([^}]*)\})? (\S+)$/gm)) {
    if (metric !== name) continue
    const labels = Object.fromEntries([...list.matchAll(/(\w+)="([^"]*)"/g)].map(([, label, text]) => [label, text]))
    if (matches(labels)) found.set(seriesOf(labels), Number(value))
  }
  return found
}

const MATCHES: Record<string, (value: string, wanted: string) => boolean> = {
  '=': (value, wanted) => value === wanted,
  '!=': (value, wanted) => value !== wanted,
  '=~': (value, wanted) => new RegExp(`^(?:${wanted})$`).test(value),
  '!~': (value, wanted) => !new RegExp(`^(?:${wanted})$`).test(value),
}
const ARITHMETIC: Record<string, (one: number, other: number) => number> = {
  '+': (one, other) => one + other,
  '-': (one, other) => one - other,
  '*': (one, other) => one * other,
  '/': (one, other) => one / other,
}
const COMPARES: Record<string, (one: number, other: number) => boolean> = {
  '>': (one, other) => one > other,
  '<': (one, other) => one < other,
  '==': (one, other) => one === other,
}

function children (node: Node): Node[] {
  const found: Node[] = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) found.push(child)
  return found
}

/** As much of PromQL as the alerts need: a query that has more throws. Empty: it does not fire. */
export function evaluate (query: string, { before, after, seconds }: Scrapes): Vector {
  const textOf = ({ from, to }: Node): string => query.slice(from, to)

  function selected (node: Node, metrics: string): Vector {
    const name = textOf(node.getChild('Identifier') as Node)
    const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher').map((matcher) => {
      const [label, operator, wanted] = children(matcher).map(textOf)
      return (labels: Record<string, string>) =>
        MATCHES[operator ?? '']?.(labels[label ?? ''] ?? '', JSON.parse(wanted ?? '""') as string) ?? false
    }) ?? []
    return samples(metrics, name, (labels) => matchers.every((matches) => matches(labels)))
  }

  function called (node: Node): Vector {
    const rises = textOf(node.getChild('FunctionIdentifier') as Node)
    if (rises !== 'rate' && rises !== 'increase') throw new Error(`${rises} is not known here`)
    const selector = node.getChild('FunctionCallBody')?.getChild('MatrixSelector')?.getChild('VectorSelector') as Node
    const [first, last] = [selected(selector, before), selected(selector, after)]
    const share = rises === 'rate' ? seconds : 1
    return new Map([...last].filter(([series]) => first.has(series))
      .map(([series, value]) => [series, (value - (first.get(series) ?? 0)) / share]))
  }

  function aggregated (node: Node): Vector {
    const operator = textOf(node.getChild('AggregateOp') as Node)
    const by = node.getChild('AggregateModifier')?.getChild('GroupingLabels')?.getChildren('LabelName').map(textOf) ?? []
    const groups = new Map<string, number[]>()
    for (const [series, value] of valueOf(node.getChild('FunctionCallBody')?.firstChild as Node) as Vector) {
      const labels = labelsOf(series)
      const group = seriesOf(Object.fromEntries(by.filter((label) => label in labels).map((label) => [label, labels[label] ?? ''])))
      groups.set(group, [...groups.get(group) ?? [], value])
    }
    const joined = (values: number[]): number =>
      operator === 'max' ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0)
    if (operator !== 'max' && operator !== 'sum') throw new Error(`${operator} is not known here`)
    return new Map([...groups].map(([group, values]) => [group, joined(values)]))
  }

  function combined (node: Node): Vector | number {
    const [one, operator, other] = [node.firstChild, node.firstChild?.nextSibling, node.lastChild] as [Node, Node, Node]
    const [left, right, sign] = [valueOf(one), valueOf(other), textOf(operator)]
    if (sign === 'or') return new Map([...right as Vector, ...left as Vector])
    if (typeof left === 'number' && typeof right === 'number') return ARITHMETIC[sign]?.(left, right) ?? NaN
    const series = typeof left === 'number' ? [...(right as Vector).keys()] : [...left.keys()]
    return new Map(series.flatMap((labels): Array<[string, number]> => {
      const [first, second] = [left, right].map((side) => typeof side === 'number' ? side : side.get(labels))
      if (first === undefined || second === undefined) return []
      const compares = COMPARES[sign]
      if (compares !== undefined) return compares(first, second) ? [[labels, first]] : []
      return [[labels, ARITHMETIC[sign]?.(first, second) ?? NaN]]
    }))
  }

  function valueOf (node: Node): Vector | number {
    const kinds: Record<string, (node: Node) => Vector | number> = {
      VectorSelector: (selector) => selected(selector, after),
      FunctionCall: called,
      AggregateExpr: aggregated,
      BinaryExpr: combined,
      NumberDurationLiteral: (literal) => Number(textOf(literal)),
      ParenExpr: (paren) => valueOf(paren.firstChild as Node),
    }
    const kind = kinds[node.name]
    if (kind === undefined) throw new Error(`${node.name} is not known here`)
    return kind(node)
  }

  return valueOf(parser.parse(query).topNode.firstChild as Node) as Vector
}
