import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../support/app.js'
import { freePorts, type Program, ROOT, run, transpiled } from '../support/process.js'

const COMMAND = transpiled('src/cli/fastify-kratos.ts')

const fastifyKratos = (t: Test, ...args: string[]): Program => run(t, [COMMAND, ...args])

export default async function (t: Test): Promise<void> {
  t.test('fastify-kratos', async (t) => {
    t.test('dev starts the Kratos of the same build, of several files as Kratos merges them', async (t) => {
      const folder = await temporaryFolder(t)
      const [publicPort, adminPort] = await freePorts(2)
      await writeFile(join(folder, 'one.yml'), `
serve: { public: { port: ${publicPort} }, admin: { port: ${adminPort} } }
dsn: memory
selfservice: { methods: { password: { enabled: true } } }
identity: { schemas: [{ id: default, url: 'file://${join(ROOT, 'kratos/identity.schema.json')}' }] }
`)
      // What the first one lacks, so that neither starts alone.
      await writeFile(join(folder, 'two.yml'), `
selfservice: { default_browser_return_url: 'http://app.test/', flows: { login: { ui_url: 'http://app.test/two' } } }
`)
      const { child, ended, printed } = run(
        t,
        [COMMAND, 'dev', '--config', 'one.yml', '--config', 'two.yml'],
        {},
        folder,
      )
      await printed(/Ctrl-C stops it/)
      const { headers } = await fetch(`http://127.0.0.1:${publicPort}/self-service/login/browser`, {
        redirect: 'manual',
        headers: { accept: 'text/html' },
      })
      t.match(headers.get('location'), /^http:\/\/app\.test\/two\?flow=/)
      child.kill('SIGINT')
      t.strictSame(await ended, { code: 0, signal: null })
    })

    t.test('says what it can do', async (t) => {
      const help = fastifyKratos(t, '--help')
      t.equal((await help.ended).code, 0)
      t.match(help.output(), /^fastify-kratos dev /)
      const unknown = fastifyKratos(t, 'start')
      t.equal((await unknown.ended).code, 1)
      t.match(unknown.output(), /^fastify-kratos has two commands, dev and doctor:\n/)
    })
  })
}
