import type { Json, JsonObject } from '../json.js'
import type { Problem } from './problem.js'

/** What a keyword needs for its check. */
export interface Rules {
  schema: JsonObject
  value: Json
  draft: number
  /** A problem of this schema; `part` is the pointer of the rule below it. */
  problem(part: string, text: string, causes?: Problem[]): Problem
  /** Checks an inner schema, by default on the same value; `name` is the escaped name of a member. */
  below(part: string, schema: Json, value?: Json, name?: string): Problem | undefined
}

export type Keyword = [name: string, sinceDraft: number, apply: (rules: Rules) => Problem[]]
