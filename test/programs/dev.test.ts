import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from '../support/app.js'
import { freePorts, ROOT, run, transpiled } from '../support/process.js'

const DEV = transpiled('src/dev.ts')

/** What `npm run dev` starts, without npm: the sources, by a loader. */
function devScript (): string[] {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: { dev: string } }
  const [command, ...script] = scripts.dev.split(' ')
  if (command !== 'node') throw new Error(`${scripts.dev} is no command of Node`)
  return script
}

interface Body {
  success: boolean
  error?: string
  data: { id: string, email: string, logout_url: string, user_id: string, session: { active: boolean } }
}

/** The few things of a cookie jar that the specification's script uses. */
function createClient (base: string) {
  let cookie = ''
  const call = async (path: string, body?: unknown, sent = cookie): Promise<{ response: Response, json: Body }> => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const headers = {
      ...(sent !== '' && { cookie: sent }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const response = await fetch(base + path, { ...init, headers, redirect: 'manual' })
    const [session] = response.headers.getSetCookie().filter((line) => line.startsWith('ory_kratos_session='))
    if (session !== undefined) cookie = /max-age=0;/i.test(session) ? '' : session.split(';')[0] ?? ''
    const text = await response.text()
    return { response, json: (text === '' ? {} : JSON.parse(text)) as Body }
  }
  return { call, cookie: () => cookie }
}

const REGISTRATION = {
  email: 'test@example.com',
  password: 'password123',
  first_name: 'John',
  last_name: 'Doe',
  username: 'johndoe',
}
const LOGIN = { identifier: 'test@example.com', password: 'password123' }

const portArguments = (ports: number[]): string[] => {
  const [service, page, kratosPublic, kratosAdmin] = ports
  return [
    '--port',
    `${service}`,
    '--page-port',
    `${page}`,
    '--kratos-port',
    `${kratosPublic}`,
    '--kratos-admin-port',
    `${kratosAdmin}`,
  ]
}
const devArguments = (ports: number[], ...others: string[]): string[] => [DEV, ...portArguments(ports), ...others]

export default async function (t: Test): Promise<void> {
  t.test('npm run dev', async (t) => {
    await t.test("serves everything it prints, the specification's script passes, Ctrl-C ends it, data survives a restart, an error that nobody catches is printed and ends it", async (t) => {
      const ports = await freePorts(4)
      const data = await temporaryFolder(t)
      const first = run(t, [...devScript(), ...portArguments(ports), '--data', data])
      await first.printed(/Ctrl-C stops everything/)
      for (const port of ports) t.match(first.output(), new RegExp(`:${port}\\b`))
      const base = `http://localhost:${ports[0]}`
      t.match(first.output(), new RegExp(`^\\s*demo +http://localhost:${ports[1]}\\n +mails +http://127.0.0.1:${ports[3]}/`))
      const start = await fetch(base, { redirect: 'manual' })
      t.equal(start.headers.get('location'), `http://localhost:${ports[1]}/`)
      const [, described = ''] = /service +(http\S+)/.exec(first.output()) ?? []
      t.equal((await fetch(described)).status, 200, `${described} is there`)

      const { call, cookie } = createClient(base)
      const registration = await call('/api/auth/flows/registration')
      t.equal(
        (await call('/api/auth/flows/registration', { flow_id: registration.json.data.id, ...REGISTRATION }, '')).json
          .success,
        true,
      )
      await first.printed(/Kratos: message verification_code_valid to test@example\.com: .*\b\d{6}\b/)
      const login = await call('/api/auth/flows/login', undefined, '')
      t.equal(
        (await call('/api/auth/flows/login', { flow_id: login.json.data.id, ...LOGIN }, '')).json.data.session.active,
        true,
      )
      const { json: whoami } = await call('/api/auth/whoami')
      const { password, ...profile } = REGISTRATION
      t.same(whoami, { success: true, data: { id: whoami.data.id, ...profile, authenticated: true } })
      t.equal((await call('/api/documents')).json.data.user_id, whoami.data.id)
      const copy = cookie()
      const logout = new URL((await call('/api/auth/flows/logout')).json.data.logout_url)
      const hop = await call(logout.pathname + logout.search)
      t.equal(hop.response.status, 302)
      t.equal(hop.response.headers.get('location'), `http://localhost:${ports[1]}/`)
      for (const sent of [cookie(), copy]) {
        const { response, json } = await call('/api/auth/whoami', undefined, sent)
        t.equal(response.status, 401)
        t.equal(json.error, 'Invalid session')
      }

      const page = await fetch(`http://127.0.0.1:${ports[1]}/login`)
      t.match(await page.text(), /<script type="module" src="\/app.js">/)
      t.match(page.headers.get('content-security-policy'), /default-src 'self'/)

      first.child.kill('SIGINT')
      t.equal((await first.ended).code, 0)
      t.notMatch(first.output(), 'embedded Kratos v', 'what it does not have is told by --verbose only')
      const inject = 'process.on("SIGWINCH", () => { throw new Error("by chance") })'
      const second = run(t, devArguments(ports, '--data', data, '--verbose'), {
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(inject)}`,
      })
      await second.printed(/Ctrl-C stops everything/)
      await second.printed(/Kratos: embedded Kratos v/)
      const again = createClient(base)
      const { json: flow } = await again.call('/api/auth/flows/login')
      t.equal((await again.call('/api/auth/flows/login', { flow_id: flow.data.id, ...LOGIN })).json.success, true)
      second.child.kill('SIGWINCH')
      t.equal((await second.ended).code, 1)
      t.match(second.output(), /Error: by chance\n +at /)
    })

    await t.test('a port that is taken gives one clear line and exit code 1', async (t) => {
      const taken = createServer().listen(0, '127.0.0.1')
      await once(taken, 'listening')
      t.teardown(() => taken.close())
      const { port } = taken.address() as { port: number }
      await Promise.all([0, 1, 2, 3].map(async (place) => {
        const ports = await freePorts(4)
        ports[place] = port
        const { ended, output } = run(t, devArguments(ports, '--memory'))
        t.equal((await ended).code, 1)
        t.equal(
          output(),
          `fastify-kratos dev cannot start: port ${port} is taken; free it, or choose others (npm run dev -- --help)\n`,
        )
      }))
    })

    await t.test('an argument it does not know is one line and exit code 1', async (t) => {
      const { ended, output } = run(t, [DEV, '--bogus'])
      t.equal((await ended).code, 1)
      t.match(output(), /^fastify-kratos dev cannot start: .*--bogus/)
    })
  })
}
