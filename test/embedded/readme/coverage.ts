import type { Route } from '../../../kratos/embedded/http/router.js'
import { adminRoutes, publicRoutes } from '../../../kratos/embedded/routes.js'
import { KEYS } from '../../../kratos/embedded/config/keys.js'
import { NEWER } from '../../../kratos/embedded/config/newer.js'
import type { Rule } from '../../../kratos/embedded/config/rules.js'

/** Tables of what is covered, made from the code that decides it. The test beside it compares them with the README. */

const code = (text: string): string => `\`${text}\``

function grouped (rows: Array<[string, string]>): string[] {
  const groups = new Map<string, string[]>()
  for (const [what, path] of rows) groups.set(what, [...groups.get(what) ?? [], code(path)])
  return [...groups].map(([what, paths]) => `| ${what} | ${paths.join(', ')} |`)
}

const rules = Object.entries(KEYS)
const ofKind = <Kind extends Rule['kind']>(kind: Kind) =>
  rules.flatMap(([path, rule]) => rule.kind === kind ? [[path, rule as Rule & { kind: Kind }] as const] : [])

/** The section of a setting: where a reader looks it up. */
function sectionOf (path: string): string {
  const depth = path.startsWith('selfservice.') ? 3 : 2
  return path.split(/\.(?![^{]*\})/).slice(0, depth).join('.').replace(/\[\].*$/, '')
}

/** Sections with settings that work. */
const settings = (): string =>
  [...new Set(ofKind('read').map(([path]) => sectionOf(path)))].map(code).join(', ')

const endpoint = ({ method, path }: Route): string => `${method} ${path}`

function endpoints (routes: Route[]): string {
  return [...new Set(routes.map(endpoint))].map(code).join(', ')
}

/** Markdown. */
export function coverage (): string {
  return [
    `Settings that work are in ${settings()}.`,
    '',
    '| left out and told at start (an error with `--strict`) | settings |',
    '|---|---|',
    ...grouped(ofKind('unbuilt').map(([path, { what }]) => [what, path])),
    ...grouped(NEWER.map((path) => ['settings that Kratos v26.2.0 does not have', path])),
    '',
    '| checked, changes no answer | settings |',
    '|---|---|',
    ...grouped(ofKind('ignored').map(([path, { why }]) => [why, path])),
    '',
    '| port | endpoints |',
    '|---|---|',
    `| public | ${endpoints(publicRoutes)} |`,
    `| admin | ${endpoints(adminRoutes)} |`,
  ].join('\n')
}
