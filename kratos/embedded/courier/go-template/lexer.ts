/** A template that cannot be read or run, or uses what this subset of Go's templates does not have. */
export class GoTemplateError extends Error {
  override readonly name = 'GoTemplateError'
}

export type Piece = { kind: 'text', text: string } | { kind: 'action', tokens: string[] }

const TOKEN = /\s+|"(?:[^"\\\n]|\\.)*"|`[^`]*`|'(?:[^'\\]|\\.)+'|:=|[=|(),]|\.?[$\w][\w$]*(?:\.\w+)*|\.(?:\w+(?:\.\w+)*)?|-?\d+(?:\.\d+)?/gy

/** Splits a template into texts and actions. `{{-` and `-}}` cut the white space around them. */
export function pieces (source: string): Piece[] {
  const found: Piece[] = []
  let at = 0
  for (const match of source.matchAll(/\{\{(-(?=\s))?(\s*\/\*.*?\*\/\s*|.*?)((?<=\s)-)?\}\}/gs)) {
    const [whole, cutsBefore, action = '', cutsAfter] = match
    const text = source.slice(at, match.index)
    const last = found.at(-1)
    found.push({ kind: 'text', text: cutsBefore === undefined ? text : text.trimEnd() })
    if (last?.kind === 'action' && last.tokens[0] === CUT) {
      const piece = found.at(-1) as { text: string }
      piece.text = piece.text.trimStart()
      found.splice(-2, 1)
    }
    at = match.index + whole.length
    if (!/^\s*\/\*.*\*\/\s*$/s.test(action)) found.push({ kind: 'action', tokens: tokensOf(action) })
    if (cutsAfter !== undefined) found.push({ kind: 'action', tokens: [CUT] })
  }
  const rest = source.slice(at)
  if (rest.includes('{{')) throw new GoTemplateError('unclosed action')
  const last = found.at(-1)
  if (last?.kind === 'action' && last.tokens[0] === CUT) found.splice(-1, 1, { kind: 'text', text: rest.trimStart() })
  else found.push({ kind: 'text', text: rest })
  return found
}

/** Marks that the next text loses its leading white space. */
const CUT = '\0cut'

function tokensOf (action: string): string[] {
  const tokens: string[] = []
  TOKEN.lastIndex = 0
  while (TOKEN.lastIndex < action.length) {
    const start = TOKEN.lastIndex
    const [token] = TOKEN.exec(action) ?? []
    if (token === undefined) throw new GoTemplateError(`unexpected ${JSON.stringify(action.slice(start, start + 10))}`)
    if (token.trim() !== '') tokens.push(token)
  }
  return tokens
}
