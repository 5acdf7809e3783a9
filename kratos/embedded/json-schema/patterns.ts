import { RE2JS } from 're2js'

const compiled = new Map<string, RE2JS>()

function compile (pattern: string): RE2JS {
  const expression = compiled.get(pattern) ?? RE2JS.compile(pattern)
  compiled.set(pattern, expression)
  return expression
}

/** Whether Go's regular expressions have this pattern: no lookahead, no backreference. */
export function isPattern (pattern: string): boolean {
  try {
    compile(pattern)
    return true
  } catch {
    return false
  }
}

/** Whether a part of the text matches. @throws Error for an invalid pattern */
export const matches = (pattern: string, text: string): boolean => compile(pattern).matcher(text).find()
