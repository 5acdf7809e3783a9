import type { TObject, TSchema } from '@sinclair/typebox'
import { PUBLIC_NAMES, placeOf } from '../../src/http/public-names.js'
import { OptionsSchema } from '../../src/plugin-options.js'
import { AuthRequirementSchema } from '../../src/sessions/strength.js'

const cell = (text: string): string => text.replaceAll('|', '\\|')
const shown = (value: unknown): string => value === undefined ? '' : `\`${JSON.stringify(value)}\``

function rows (schema: TSchema, path: string[] = []): string[] {
  const { properties, required = [] } = schema as TObject
  return Object.entries(properties).flatMap(([name, member]) => {
    const own = [...path, name]
    const isRequired = required.includes(name) && member['default'] === undefined
    const line = `| \`${own.join('.')}\` | ${isRequired ? 'required' : shown(member['default'])} | ${cell(member.description ?? '')} |`
    return member['properties'] === undefined ? [line] : [line, ...rows(member, own)]
  })
}

/** The tables of docs/plugin.md, by heading, as the schemas have them. */
export const PLUGIN_TABLES: Record<string, string> = {
  '## Options': ['| option | default | wants |', '|---|---|---|', ...rows(OptionsSchema)].join('\n'),
  '### What config.auth may ask': [
    '| member | default | wants |',
    '|---|---|---|',
    ...rows(AuthRequirementSchema),
  ].join('\n'),
  '### Names': [
    '| name | option for another name |',
    '|---|---|',
    ...PUBLIC_NAMES.map((name) => `| \`${placeOf(name)}.${name}\` | \`decorators.${name}\` |`),
  ].join('\n'),
}
