import { isObject, type Json, type JsonObject } from '../../json.js'
import { escapeHtml, FUNCTIONS, isEmpty, printed } from './functions.js'
import { GoTemplateError } from './lexer.js'
import { parse, type Expression, type Node } from './parser.js'

export type GoTemplate = (data: JsonObject) => string

interface Run {
  root: JsonObject
  named: Map<string, Node[]>
  isHtml: boolean
  out: string
}

type Scope = Map<string, Json>

/**
 * Reads a template of Go's text/template, or with `isHtml` of html/template.
 * @param named further templates that it can call
 * @throws GoTemplateError when it uses what this subset does not have
 */
export function goTemplate (source: string, { isHtml = false, named = [] as string[] } = {}): GoTemplate {
  const { nodes, named: own } = parse(source)
  const all = new Map([...named.flatMap((text) => [...parse(text).named]), ...own])
  if (isHtml && /<(script|style)\b[^>]*>(?:(?!<\/\1).)*\{\{/is.test(source)) {
    throw new GoTemplateError('values in scripts and style sheets are not built')
  }
  return (data) => {
    const run: Run = { root: data, named: all, isHtml, out: '' }
    write(run, nodes, data, new Map([['$', data]]))
    return run.out
  }
}

function write (run: Run, nodes: Node[], dot: Json, scope: Scope): void {
  for (const node of nodes) {
    switch (node.kind) {
      case 'text':
        run.out += node.text
        break
      case 'print':
        run.out += shown(run, valueOf(run, node.pipe, dot, scope))
        break
      case 'set':
        scope.set(node.variable, valueOf(run, node.pipe, dot, scope))
        break
      case 'template':
        call(run, node, dot, scope)
        break
      default:
        branch(run, node, dot, scope)
    }
  }
}

function call (run: Run, { name, pipe }: Node & { kind: 'template' }, dot: Json, scope: Scope): void {
  const nodes = run.named.get(name)
  if (nodes === undefined) throw new GoTemplateError(`template ${JSON.stringify(name)} not defined`)
  const value = pipe === undefined ? null : valueOf(run, pipe, dot, scope)
  write(run, nodes, value, new Map([['$', value]]))
}

type Branch = Node & { kind: 'if' | 'with' | 'range' }

function branch (run: Run, node: Branch, dot: Json, scope: Scope): void {
  const value = valueOf(run, node.pipe, dot, scope)
  if (isEmpty(value)) return write(run, node.otherwise, dot, new Scoped(scope))
  if (node.kind === 'range') {
    const entries: Array<[Json, Json]> = Array.isArray(value)
      ? value.map((item, at): [Json, Json] => [at, item])
      : Object.entries(isObject(value) ? value : {}).sort(([a], [b]) => a < b ? -1 : 1)
    for (const [key, item] of entries) {
      const inner = new Scoped(scope)
      const [first, second] = node.variables
      if (first !== undefined) inner.declare(first, second === undefined ? item : key)
      if (second !== undefined) inner.declare(second, item)
      write(run, node.then, item, inner)
    }
    return
  }
  const inner = new Scoped(scope)
  if (node.variables[0] !== undefined) inner.declare(node.variables[0], value)
  write(run, node.then, node.kind === 'with' ? value : dot, inner)
}

/** Variables of a block; those of the blocks around it can be read and set. */
class Scoped extends Map<string, Json> {
  private readonly outer: Scope

  constructor (outer: Scope) {
    super()
    this.outer = outer
  }

  declare (name: string, value: Json): void {
    super.set(name, value)
  }

  override get (name: string): Json | undefined {
    return super.has(name) ? super.get(name) : this.outer.get(name)
  }

  override has (name: string): boolean {
    return super.has(name) || this.outer.has(name)
  }

  override set (name: string, value: Json): this {
    if (super.has(name) || !this.outer.has(name)) return super.set(name, value)
    this.outer.set(name, value)
    return this
  }
}

function valueOf (run: Run, expression: Expression, dot: Json, scope: Scope): Json {
  if (expression.kind === 'value') return expression.value
  if (expression.kind === 'call') {
    const args = expression.args.map((arg) => valueOf(run, arg, dot, scope))
    return (FUNCTIONS[expression.name] as (...args: Json[]) => Json)(...args)
  }
  const { variable, names } = expression
  if (variable !== '.' && !scope.has(variable)) throw new GoTemplateError(`undefined variable ${JSON.stringify(variable)}`)
  const start = variable === '.' ? dot : scope.get(variable) ?? null
  return names.reduce<Json>((value, name) => member(run, value, name), start)
}

/** A field that the message does not have is an error in Go; a missing key of a map is not. */
function member (run: Run, value: Json, name: string): Json {
  if (value === run.root && !Object.hasOwn(run.root, name)) {
    throw new GoTemplateError(`can't evaluate field ${name} of this message`)
  }
  return isObject(value) && Object.hasOwn(value, name) ? value[name] as Json : null
}

function shown ({ isHtml, out }: Run, value: Json): string {
  if (!isHtml) return printed(value)
  const text = escapeHtml(value === null ? '' : printed(value))
  const isInTag = out.lastIndexOf('<') > out.lastIndexOf('>')
  return isInTag ? text : text.replaceAll('+', '&#43;')
}
