import { isObject, type Json, type JsonObject } from '../json.js'
import type { Problem } from './problem.js'
import type { Rules } from './rules.js'

export const listed = (value: Json | undefined): Json[] => Array.isArray(value) ? value : []
export const found = (problem: Problem | undefined): Problem[] => problem === undefined ? [] : [problem]

/** The checks that apply to one type of value. */
export const objects = (apply: (rules: Rules, value: JsonObject) => Problem[]) => (rules: Rules): Problem[] =>
  isObject(rules.value) ? apply(rules, rules.value) : []
export const lists = (apply: (rules: Rules, value: Json[]) => Problem[]) => (rules: Rules): Problem[] =>
  Array.isArray(rules.value) ? apply(rules, rules.value) : []
export const texts = (apply: (rules: Rules, value: string) => Problem[]) => (rules: Rules): Problem[] =>
  typeof rules.value === 'string' ? apply(rules, rules.value) : []
