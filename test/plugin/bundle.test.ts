import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build, type Format } from 'esbuild'
import type { Test } from 'tap'
import { REFUSING_URL, temporaryFolder } from '../support/app.js'

const run = promisify(execFile)
const ROOT = join(import.meta.dirname, '../..')

const APP = `
import Fastify from 'fastify'
import httpProxy from '@fastify/http-proxy'
import fastifyKratos, { sessionOf } from './src/plugin.ts'
const start = async () => {
  const app = Fastify()
  await app.register(httpProxy, { upstream: '${REFUSING_URL}', prefix: '/legacy' })
  await app.register(fastifyKratos, { publicUrl: '${REFUSING_URL}', proxy: true })
  app.get('/me', { config: { auth: true } }, async (request) => sessionOf(request))
  const answers = await Promise.all(['whoami', 'mine', 'flows/login'].map((path) => app.inject('/api/auth/' + path)))
  const me = await app.inject('/me')
  await app.close()
  return [...answers, me].map(({ statusCode }) => statusCode).join(' ')
}
start().then(console.log, (error) => console.log(error.message))
`
const NEEDS_REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

export default async function (t: Test): Promise<void> {
  for (const format of ['esm', 'cjs'] satisfies Format[]) {
    t.test(`an app in one file, ${format}: starts, and loads nothing that lies beside it`, async (t) => {
      const folder = await temporaryFolder(t)
      const outfile = join(folder, 'dist', format === 'esm' ? 'app.mjs' : 'app.cjs')
      await build({
        stdin: { contents: APP, resolveDir: ROOT, loader: 'ts' },
        outfile,
        bundle: true,
        platform: 'node',
        target: 'node20',
        format,
        ...(format === 'esm' && { banner: { js: NEEDS_REQUIRE } }),
        logLevel: 'silent',
      })
      for (const place of ['routes/api/auth/mine', 'dist/routes/api/auth/mine']) {
        await mkdir(join(folder, place), { recursive: true })
        await writeFile(join(folder, place, 'index.mjs'), "export default async (app) => { app.get('/', async () => 'of the host') }\n")
      }
      const { stdout, stderr } = await run(process.execPath, [outfile], { cwd: folder })
      t.strictSame([stdout, stderr], ['401 404 503 401\n', ''])
    })
  }
}
