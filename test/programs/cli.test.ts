import type { Test } from 'tap'
import { type Program, run, transpiled } from '../support/process.js'

const COMMAND = transpiled('src/cli/fastify-kratos.ts')

const fastifyKratos = (t: Test, ...args: string[]): Program => run(t, [COMMAND, ...args])

export default async function (t: Test): Promise<void> {
  t.test('fastify-kratos', async (t) => {
    t.test('dev names the package embedded-kratos in one line when it is not installed', async (t) => {
      const { ended, output } = fastifyKratos(t, 'dev', '--config', 'kratos.yml')
      t.equal((await ended).code, 1)
      t.equal(output(), 'fastify-kratos dev needs the package embedded-kratos: npm install --save-dev embedded-kratos\n')
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
