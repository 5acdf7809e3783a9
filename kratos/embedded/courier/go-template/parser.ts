import type { Json } from '../../json.js'
import { FUNCTIONS } from './functions.js'
import { GoTemplateError, pieces, type Piece } from './lexer.js'

export type Expression =
  | { kind: 'value', value: Json }
  /** `.A.B` or `$x.A`; the variable is `.` for the current value. */
  | { kind: 'path', variable: string, names: string[] }
  | { kind: 'call', name: string, args: Expression[] }

export type Node =
  | { kind: 'text', text: string }
  | { kind: 'print', pipe: Expression }
  | { kind: 'set', variable: string, isNew: boolean, pipe: Expression }
  | { kind: 'if' | 'with' | 'range', pipe: Expression, variables: string[], then: Node[], otherwise: Node[] }
  | { kind: 'template', name: string, pipe: Expression | undefined }

export interface Parsed {
  nodes: Node[]
  /** Templates that `define` and `block` name. */
  named: Map<string, Node[]>
}

/** @throws GoTemplateError for what this subset does not have */
export function parse (source: string): Parsed {
  const parser = new Parser(pieces(source))
  const { nodes, end } = parser.block()
  if (end !== undefined) throw new GoTemplateError(`unexpected {{${end}}}`)
  return { nodes, named: parser.named }
}

class Parser {
  readonly named = new Map<string, Node[]>()
  private at = 0
  private readonly all: Piece[]

  constructor (all: Piece[]) {
    this.all = all
  }

  /** Nodes up to `end`, `else` or the end of the text. */
  block (): { nodes: Node[], end?: string, rest: string[] } {
    const nodes: Node[] = []
    while (this.at < this.all.length) {
      const piece = this.all[this.at++] as Piece
      if (piece.kind === 'text') {
        nodes.push(piece)
        continue
      }
      const [word = '', ...rest] = piece.tokens
      if (word === 'end' || word === 'else') return { nodes, end: word, rest }
      const node = this.node(word, rest, piece.tokens)
      if (node !== undefined) nodes.push(node)
    }
    return { nodes, rest: [] }
  }

  private node (word: string, rest: string[], tokens: string[]): Node | undefined {
    if (word === 'if' || word === 'with' || word === 'range') return this.branch(word, rest)
    if (word === 'template') return { kind: 'template', name: textOf(rest[0]), pipe: optional(rest.slice(1)) }
    if (word === 'define' || word === 'block') {
      const name = textOf(rest[0])
      this.named.set(name, this.closed())
      return word === 'block' ? { kind: 'template', name, pipe: optional(rest.slice(1)) } : undefined
    }
    if (word.startsWith('$') && (rest[0] === ':=' || rest[0] === '=')) {
      return { kind: 'set', variable: word, isNew: rest[0] === ':=', pipe: pipeline(rest.slice(1)) }
    }
    return { kind: 'print', pipe: pipeline(tokens) }
  }

  private closed (): Node[] {
    const { nodes, end } = this.block()
    if (end !== 'end') throw new GoTemplateError('a block has no {{end}}')
    return nodes
  }

  private branch (kind: 'if' | 'with' | 'range', tokens: string[]): Node {
    const defined = tokens.indexOf(':=')
    const variables = defined < 0 ? [] : tokens.slice(0, defined).filter((token) => token !== ',')
    const pipe = pipeline(tokens.slice(defined + 1))
    const { nodes: then, end, rest } = this.block()
    if (end === undefined) throw new GoTemplateError(`{{${kind}}} has no {{end}}`)
    const [word, ...more] = rest
    const otherwise = end === 'end'
      ? []
      : word === 'if' || word === 'with' ? [this.branch(word, more)] : this.closed()
    return { kind, pipe, variables, then, otherwise }
  }
}

const optional = (tokens: string[]): Expression | undefined => tokens.length === 0 ? undefined : pipeline(tokens)

function textOf (token = ''): string {
  if (/^["`]/.test(token)) return String(literal(token))
  throw new GoTemplateError(`${token} is no name`)
}

/** `a | b c` is `b c a`. */
function pipeline (tokens: string[]): Expression {
  const commands = split(tokens)
  return commands.slice(1).reduce<Expression>(
    (value, command) => {
      const call = commandOf(command)
      if (call.kind !== 'call') throw new GoTemplateError('a pipe leads to what is no function')
      return { ...call, args: [...call.args, value] }
    },
    commandOf(commands[0] ?? []),
  )
}

/** Splits at the pipes that stand outside parentheses. */
function split (tokens: string[]): string[][] {
  const parts: string[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    depth += token === '(' ? 1 : token === ')' ? -1 : 0
    if (token === '|' && depth === 0) parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts
}

function commandOf (tokens: string[]): Expression {
  const operands: Expression[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] ?? ''
    if (token !== '(') {
      operands.push(operand(token))
      continue
    }
    let depth = 1
    const start = at + 1
    while (depth > 0 && ++at < tokens.length) depth += tokens[at] === '(' ? 1 : tokens[at] === ')' ? -1 : 0
    operands.push(pipeline(tokens.slice(start, at)))
  }
  const [first, ...args] = operands
  if (first === undefined) throw new GoTemplateError('missing value for command')
  if (first.kind === 'call' && /^[a-z]/i.test(tokens[0] ?? '')) return { ...first, args }
  if (args.length > 0) throw new GoTemplateError(`${tokens[0]} is no function`)
  return first
}

function operand (token: string): Expression {
  const constants: Record<string, Json> = { true: true, false: false, nil: null }
  if (Object.hasOwn(constants, token)) return { kind: 'value', value: constants[token] as Json }
  if (/^(["`']|-?\d)/.test(token)) return { kind: 'value', value: literal(token) }
  if (token.startsWith('.')) return { kind: 'path', variable: '.', names: token.split('.').filter((name) => name !== '') }
  if (token.startsWith('$')) {
    const [variable = '', ...names] = token.split('.')
    return { kind: 'path', variable, names }
  }
  if (!Object.hasOwn(FUNCTIONS, token)) throw new GoTemplateError(`function "${token}" is not built`)
  return { kind: 'call', name: token, args: [] }
}

function literal (token: string): Json {
  if (token.startsWith('`')) return token.slice(1, -1)
  if (token.startsWith("'")) return token.codePointAt(1) ?? 0
  return JSON.parse(token) as Json
}
