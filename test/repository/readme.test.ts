import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Config } from '../../src/config.js'
import { ConfigSchema } from '../../src/config-schema.js'
import { ERROR_CODES, errorStatus } from '../../src/errors.js'
import { ROOT } from '../support/process.js'

const text = (file: string): string => readFileSync(join(ROOT, file), 'utf8')
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'examples/spa/README.md',
  'examples/existing-app/README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

export default async function (t: Test): Promise<void> {
  t.test('the documents', async (t) => {
    await t.test('name only scripts that package.json has', async (t) => {
      const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> }
      for (const document of DOCUMENTS) {
        const named = [...text(document).matchAll(/npm run ([a-z:-]+)/g)].map(([, name = '']) => name)
        t.same(named.filter((name) => scripts[name] === undefined), [], document)
      }
    })

    await t.test('link only to files that are there', async (t) => {
      for (const document of DOCUMENTS) {
        const links = [...text(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) => path)
        t.same(links.filter((path) => !existsSync(join(ROOT, document, '..', path))), [], document)
      }
    })

    await t.test('the examples of tests are the files that test/package/packages.test.ts runs', async (t) => {
      const shown = [...text('docs/testing.md').matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code)
      t.strictSame(
        shown.filter((code) => code?.includes('startEmbeddedKratos')),
        ['node', 'tap', 'vitest'].map((name) => text(`examples/testing/${name}.test.js`)),
      )
    })

    await t.test('the configuration table has every variable with the words of its schema', async (t) => {
      const rows = new Map(
        [...text('docs/configuration.md').matchAll(/^\| `([A-Z_]+)` \| ?(.*?) \| (.*) \|$/gm)].map((
          [, name, byDefault, wants],
        ) => [name, { byDefault, wants }]),
      )
      t.same([...rows.keys()].sort(), Object.keys(ConfigSchema.properties).sort())
      const required = new Set<string>(ConfigSchema.required)
      for (
        const [name, schema] of Object.entries(ConfigSchema.properties) as Array<
          [keyof Config, { description?: string, default?: unknown }]
        >
      ) {
        t.equal(rows.get(name)?.wants, schema.description, name)
        if (schema.default !== undefined && schema.default !== '') { t.equal(rows.get(name)?.byDefault, `\`${String(schema.default)}\``, name) }
        t.equal(rows.get(name)?.byDefault === 'required', schema.default === undefined && required.has(name), name)
      }
    })

    await t.test('the error table has every code at its status', async (t) => {
      for (const code of ERROR_CODES.filter((code) => code !== 'INTERNAL_ERROR')) {
        const row = text('docs/http-api.md').split('\n').find((line) => line.startsWith('| ') && line.includes(`\`${code}\``)) ??
          ''
        t.match(row, new RegExp(`^\\|[^|]*\\b${errorStatus(code)}\\b`), code)
      }
    })
  })
}
