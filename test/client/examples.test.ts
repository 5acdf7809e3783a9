import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { ROOT } from '../support/process.js'

const DEMO = 'examples/spa/src'
const sources = readdirSync(join(ROOT, DEMO), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
const text = (file: string): string => readFileSync(join(ROOT, DEMO, file), 'utf8')

export default async function (t: Test): Promise<void> {
  t.test('examples on the client', async (t) => {
    t.test('the React one has its types looked at by npm run typecheck, and at most 60 lines', async (t) => {
      const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
      t.match(scripts['typecheck'], 'tsc -p examples/react --noEmit')
      t.ok(readFileSync(join(ROOT, 'examples/react/log-in.tsx'), 'utf8').split('\n').length <= 61)
    })

    t.test('the demo knows no status code and no word of Kratos, and writes no HTML', async (t) => {
      const statusCode = /\b(?:20[0-6]|30[1-8]|4[0-3]\d|50[0-4])\b/
      const word = /kratos|\bory\b|csrf|self.?service|\baal\d?\b|\bnodes\b|\bui\b|(?<!wrong_)totp_|lookup_(?!code)|webauthn|passkey_|oidc|traits\./i
      const allowed = /'fastify-kratos\/client'|traits\.(?:email|first_name|last_name|username)/gi
      for (const file of sources) {
        const code = text(file).replaceAll(allowed, '').replaceAll(/(?:width|height): '\d+'/g, '')
        t.notMatch(code, statusCode, file)
        t.notMatch(code, word, file)
        t.notMatch(code, /innerHTML|outerHTML|insertAdjacentHTML|document\.write/, file)
      }
    })

    t.test('the demo is made of small files', async (t) => {
      t.strictSame(sources.filter((file) => text(file).split('\n').length > 221), [])
    })
  })
}
