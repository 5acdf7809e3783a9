/** JSON as Go's decoder reads it from a stream. */

/** Index after the first value, if it is an object or a list; otherwise the end of the text. */
function endOfFirstValue (text: string): number {
  let depth = 0
  let isText = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (isText) {
      if (char === '\\') at++
      else if (char === '"') isText = false
    } else if (char === '"') isText = true
    else if (char === '{' || char === '[') depth++
    else if ((char === '}' || char === ']') && --depth === 0) return at + 1
  }
  return text.length
}

const LONE_SURROGATE = /\p{Surrogate}/gu

/** Half of a surrogate pair is no character in Go. */
const wellFormed = (_name: string, value: unknown): unknown =>
  typeof value === 'string' ? value.replace(LONE_SURROGATE, '\ufffd') : value

/** The first value of a text; what follows an object or a list is not looked at. @throws SyntaxError */
export function firstJson (text: string): unknown {
  const start = text.replace(/^[ \t\r\n]+/, '')
  const isComposite = start.startsWith('{') || start.startsWith('[')
  return JSON.parse(isComposite ? start.slice(0, endOfFirstValue(start)) : start, wellFormed)
}
