import Fastify, { type FastifyReply } from 'fastify'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import fastifyKratos from '../../src/plugin.js'
import { PATIENT } from '../support/app.js'
import { testInBrowser } from '../support/browser.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { SESSION } from '../support/faults.js'

const NAME = 'ory_kratos_session'
const OWN = `ory_st_${'a1B2'.repeat(8)}`
const FOREIGN = `ory_st_${'Z9y8'.repeat(8)}`
/** What a sibling of the app's host, such as evil.example.test, may set for its domain. */
const FOREIGN_COOKIES = ['/', '/api', '/api/auth'].map((path) => `Domain=example.test; Path=${path}`)

const RESOLVER = '--host-resolver-rules=MAP *.example.test 127.0.0.1'

const page = (reply: FastifyReply): FastifyReply => reply.type('text/html').send('<!doctype html><title>page</title>')

export default async function (t: Test): Promise<void> {
  testInBrowser(t, 'a pair of session cookies in a browser ends with the first answer: ours stays (B01)', async (t, browser) => {
    const kratos = await startFaultServer(t, answer(200, SESSION))
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(fastifyKratos, { ...PATIENT, publicUrl: kratos.url })
    app.get('/own', (_request, reply) => page(reply.header('set-cookie', `${NAME}=${OWN}; Path=/; HttpOnly`)))
    app.get('/foreign/:n', (request, reply) => {
      const { n } = request.params as { n: string }
      return page(reply.header('set-cookie', `${NAME}=${FOREIGN}; ${FOREIGN_COOKIES[Number(n)]}`))
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo

    for (const [n, attributes] of FOREIGN_COOKIES.entries()) {
      const context = await browser.newContext()
      context.setDefaultTimeout(120_000)
      const tab = await context.newPage()
      await tab.goto(`http://evil.example.test:${port}/foreign/${n}`)
      await tab.goto(`http://app.example.test:${port}/own`)
      const ask = (): Promise<number> => tab.evaluate("fetch('/api/auth/whoami').then(({ status }) => status)")
      t.same([await ask(), await ask()], [401, 200], attributes)
      const cookies = (await context.cookies()).filter(({ name }) => name === NAME)
      t.match(cookies, [{ value: OWN, domain: 'app.example.test' }], 'one cookie is left, and it is ours')
      t.equal(cookies.length, 1)
      await context.close()
    }
  }, RESOLVER)
}
