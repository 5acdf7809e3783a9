/** A violated rule, as a tree: a rule that combines others has their problems as causes. */
export interface Problem {
  /** Names from the root of the value to the place of the problem, escaped as in a JSON pointer. */
  instance: string[]
  /** JSON pointer of the rule in its document. */
  rule: string
  text: string
  /** Missing properties, escaped. */
  missing?: string[]
  /** The pattern that a text does not match. */
  pattern?: string
  causes: Problem[]
}

/** One part of a JSON pointer in a URL fragment. */
export const escapePart = (part: string): string =>
  encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%(?:24|26|2B|3A|3D|40)/g, (code) => decodeURIComponent(code))

const pointerOf = (instance: string[]): string => ['#', ...instance].join('/')

/** The tree as text, one line per problem (recording 80). */
export function problemText ({ instance, rule, text, causes }: Problem): string {
  const lines = causes.flatMap((cause) => problemText(cause).split('\n').map((line) => `  ${line}`))
  return [`I[${pointerOf(instance)}] S[${rule}] ${text}`, ...lines].join('\n')
}

/** The problems without causes. */
export const leavesOf = (problem: Problem): Problem[] =>
  problem.missing !== undefined || problem.causes.length === 0 ? [problem] : problem.causes.flatMap(leavesOf)

/** Names as a dotted path, which is the name of a form field; the root is `#`. */
export const dottedPath = (instance: string[]): string =>
  instance.length === 0
    ? '#'
    : instance
      .map((part) => decodeURIComponent(part.replaceAll('~1', '/').replaceAll('~0', '~')).replaceAll('.', '\\.'))
      .join('.')
