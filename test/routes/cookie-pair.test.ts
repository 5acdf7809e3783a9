import type { Test } from 'tap'
import { build } from '../support/app.js'
import { answer, startFaultServer } from '../support/fault-server.js'
import { SESSION } from '../support/faults.js'
import { get, setCookies } from '../support/kratos.js'

const NAME = 'ory_kratos_session'
const PAIR = `${NAME}=ory_st_${'a'.repeat(32)}; ${NAME}=ory_st_${'b'.repeat(32)}`
const HOST = 'api.shop.example'

const attribute = (name: string) => (line: string): string => new RegExp(`; ${name}=([^;]*)`, 'i').exec(line)?.[1] ?? ''

export default async function (t: Test): Promise<void> {
  t.test('two different session cookies (B01)', async (t) => {
    await t.test('ours stays, those of whole domains go', async (t) => {
      const { app } = await build(t)
      const refused = await get(app, '/api/auth/whoami', { cookie: PAIR, host: HOST })
      t.equal(refused.statusCode, 401)
      const lines = setCookies(refused)
      t.ok(lines.every((line) => line.startsWith(`${NAME}=; Max-Age=0;`)))
      t.same(
        lines.map((line) => `${attribute('domain')(line)}${attribute('path')(line)}`),
        [HOST, 'shop.example'].flatMap((domain) => [`${domain}/`, `${domain}/api`, `${domain}/api/auth`]),
      )
    })

    await t.test('where the cookies of Kratos have a domain, the host-only one goes instead', async (t) => {
      const line = `${NAME}=MTc5${'a'.repeat(100)}; Path=/; Domain=shop.example; HttpOnly`
      const kratos = await startFaultServer(t, answer(200, SESSION, [['Set-Cookie', line]]))
      const { app } = await build(t, { KRATOS_PUBLIC_URL: kratos.url })
      await get(app, '/api/auth/whoami', { cookie: `${NAME}=MTc5${'a'.repeat(100)}`, host: HOST })
      const lines = setCookies(await get(app, '/api/auth/whoami', { cookie: PAIR, host: HOST }))
      t.match(lines, [new RegExp(`^${NAME}=; Max-Age=0; Path=/; `)])
      t.notMatch(lines[0], /domain/i)
    })

    await t.test('a host without a parent domain has no cookie to end', async (t) => {
      const { app } = await build(t)
      for (const host of ['localhost', '127.0.0.1', '[::1]:3000']) {
        t.same(setCookies(await get(app, '/api/auth/whoami', { cookie: PAIR, host })), [], host)
      }
    })
  })
}
