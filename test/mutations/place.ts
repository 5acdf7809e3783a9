import ts from 'typescript'

interface Token {
  text: string
  start: number
  end: number
}

/**
 * The tokens of a text, without what a formatter may change: blanks, comments, quotes, semicolons and commas before a
 * bracket.
 */
function tokensOf (text: string): Token[] {
  const file = ts.createSourceFile('place.ts', text, ts.ScriptTarget.Latest, true)
  const tokens: Token[] = []
  const visit = (node: ts.Node): void => {
    const children = node.getChildren(file)
    if (children.length > 0) children.forEach(visit)
    else if (node.getWidth(file) > 0) tokens.push(tokenOf(node, file))
  }
  visit(file)
  return tokens.filter(({ text }, index) =>
    text !== ';' && !(text === ',' && /^[)\]}]$/.test(tokens[index + 1]?.text ?? '')),
  )
}

function tokenOf (node: ts.Node, file: ts.SourceFile): Token {
  const text = ts.isStringLiteral(node) ? JSON.stringify(node.text) : node.getText(file)
  return { text, start: node.getStart(file), end: node.getEnd() }
}

export interface Place {
  start: number
  end: number
}

/**
 * Where a piece of code stands in a file, however it is formatted. The piece need not be a whole statement.
 * @throws when it stands nowhere, or more than once
 */
export function placeOf (source: string, piece: string): Place {
  const [all, wanted] = [tokensOf(source), tokensOf(piece)]
  const isHere = (from: number): boolean => wanted.every(({ text }, index) => all[from + index]?.text === text)
  const places = all.flatMap(({ start }, from): Place[] =>
    isHere(from) ? [{ start, end: all[from + wanted.length - 1]?.end ?? start }] : [],
  )
  const [place] = places
  if (place === undefined || places.length > 1) throw new Error(`"${piece.trim()}" stands ${places.length} times there`)
  return place
}

/** The source with the one piece replaced. */
export function replaceAt (source: string, { start, end }: Place, replacement: string): string {
  return source.slice(0, start) + replacement + source.slice(end)
}
