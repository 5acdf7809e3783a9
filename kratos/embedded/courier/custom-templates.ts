import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../config/types.js'
import { plainError } from '../http/errors.js'
import { valueAt, type JsonObject } from '../json.js'
import { pathOf, readResource } from '../resources.js'
import { goTemplate, type GoTemplate } from './go-template/render.js'

/** The texts of a message that the configuration has templates for. */
export interface CustomTexts {
  subject?: string
  body?: string
  html?: string
}

export interface MessageTemplates {
  /** @param via `email` or `sms` */
  render(type: string, via: string, data: JsonObject): CustomTexts
}

type Part = keyof CustomTexts

/** Where a text stands in the configuration and in the folder of templates. */
const PLACES: Array<{ via: string, part: Part, setting: string, file: string }> = [
  { via: 'email', part: 'subject', setting: 'email.subject', file: 'email.subject' },
  { via: 'email', part: 'body', setting: 'email.body.plaintext', file: 'email.body.plaintext' },
  { via: 'email', part: 'html', setting: 'email.body.html', file: 'email.body' },
  { via: 'sms', part: 'body', setting: 'sms.body.plaintext', file: 'sms.body' },
]

const TYPES = [
  'recovery_valid',
  'recovery_invalid',
  'recovery_code_valid',
  'recovery_code_invalid',
  'verification_valid',
  'verification_invalid',
  'verification_code_valid',
  'verification_code_invalid',
  'login_code_valid',
  'registration_code_valid',
]

export interface LoadedTemplates {
  templates: MessageTemplates
  /** One line for each template that is left out, with the reason. */
  leftOut: string[]
}

/** Loads the templates of the configuration. Those that use more than the subset of Go's templates are left out. */
export async function loadTemplates ({ courier }: Config, folder: string): Promise<LoadedTemplates> {
  const loaded = new Map<string, GoTemplate>()
  const leftOut: string[] = []
  const root = courier.template_override_path === undefined ? undefined : pathOf(courier.template_override_path, folder)
  if (root !== undefined && !existsSync(root)) leftOut.push(`courier.template_override_path: there is no ${root}`)
  for (const type of TYPES) {
    const [, name = '', outcome = ''] = /^(.*)_(valid|invalid)$/.exec(type) ?? []
    for (const { via, part, setting, file } of PLACES) {
      const path = `${name}.${outcome}.${setting}`
      const address = valueAt(courier.templates, path)
      const own = root === undefined ? undefined : join(root, name, outcome, `${file}.gotmpl`)
      const where = typeof address === 'string' ? `courier.templates.${path}` : own ?? ''
      try {
        const source = typeof address === 'string' ? await readResource(address, folder) : fileText(own)
        if (source === undefined) continue
        const named = typeof address === 'string' || own === undefined ? [] : siblings(own, file)
        loaded.set(`${type} ${via} ${part}`, goTemplate(source, { isHtml: part === 'html', named }))
      } catch (error) {
        leftOut.push(`${where}: ${error instanceof Error ? error.message : String(error)}`)
      }
    }
  }
  return { templates: { render: (type, via, data) => rendered(loaded, type, via, data) }, leftOut }
}

const fileText = (path: string | undefined): string | undefined =>
  path !== undefined && existsSync(path) ? readFileSync(path, 'utf8') : undefined

/** Templates of the same folder, for several languages, define what the first one calls. */
const siblings = (path: string, file: string): string[] =>
  readdirSync(dirname(path))
    .filter((name) => name.startsWith(file) && name !== `${file}.gotmpl`)
    .map((name) => readFileSync(join(dirname(path), name), 'utf8'))

/** Go's templates have the same values under the names of fields: `RecoveryURL` for `recovery_url`. */
const fieldName = (key: string): string =>
  key.split('_').map((word) => word === 'url' ? 'URL' : word.charAt(0).toUpperCase() + word.slice(1)).join('')

function rendered (loaded: Map<string, GoTemplate>, type: string, via: string, data: JsonObject): CustomTexts {
  const fields = Object.fromEntries(Object.entries(data).map(([key, value]) => [fieldName(key), value]))
  const texts: CustomTexts = {}
  for (const { part } of PLACES.filter((place) => place.via === via)) {
    const template = loaded.get(`${type} ${via} ${part}`)
    if (template === undefined) continue
    try {
      texts[part] = template(fields)
    } catch (error) {
      throw plainError(`template: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return texts
}
