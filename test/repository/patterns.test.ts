import { Linter } from 'eslint'
import regexp from 'eslint-plugin-regexp'
import type { Test } from 'tap'
import { ConfigSchema } from '../../src/config.js'
import { SettingsSchema } from '../../src/settings.js'
import { construct, WEBHOOK_KEY } from '../support/app.js'

const RULES = [{
  plugins: { regexp },
  rules: { 'regexp/no-super-linear-backtracking': 'error', 'regexp/no-super-linear-move': 'error' },
} as const]

/** What the checker of our literals says to a pattern, as Ajv compiles it. */
const complaints = (pattern: string): string[] =>
  new Linter().verify(`new RegExp(${JSON.stringify(pattern)}, 'u')`, RULES as never).map(({ message }) => message)

/** Every `pattern` in a schema; `patternProperties` have theirs as names. */
function patternsIn (value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  const { pattern, patternProperties } = value as { pattern?: unknown, patternProperties?: object }
  return [
    ...(typeof pattern === 'string' ? [pattern] : []),
    ...Object.keys(patternProperties ?? {}),
    ...Object.values(value).flatMap(patternsIn),
  ]
}

export default async function (t: Test): Promise<void> {
  t.test('patterns of schemas', async (t) => {
    t.test('the checker sees what it is for', async (t) => {
      t.not(complaints('^(a+)+$').length, 0)
      t.not(complaints('\\s+$').length, 0)
    })

    t.test('match in linear time, in every schema of the service', async (t) => {
      const token = WEBHOOK_KEY.replace('key', 'lock')
      const { app } = await construct(t, { KRATOS_PROXY: 'true', DOCS: 'true', METRICS_TOKEN: token })
      await app.ready()
      // The document is made of the schemas of all routes.
      const { paths } = (app as unknown as { swagger: () => { paths: object } }).swagger()
      const patterns = [...new Set([ConfigSchema, SettingsSchema, paths].flatMap(patternsIn))]
      t.ok(patterns.length >= 2, patterns.join(' '))
      for (const pattern of patterns) t.same(complaints(pattern), [], pattern)
    })
  })
}
