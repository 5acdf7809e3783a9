import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { call, logIn, register } from './client.js'
import { temporaryFolder } from '../support/app.js'
import { freePorts, type Program, ROOT, run, transpiled } from '../support/process.js'

const COMMAND = transpiled('kratos/embedded/bin.ts')

const embeddedKratos = (t: Test, args: string[], folder?: string): Program => run(t, [COMMAND, ...args], {}, folder)

/** Only written into a kratos.yml: the command always gets other ports. */
const CONFIGURED_PORT = 14433

interface Running {
  program: Program
  publicUrl: string
  adminUrl: string
}

async function startServer (t: Test, args: string[], folder: string): Promise<Running> {
  const [publicPort, adminPort] = await freePorts(2)
  const program = embeddedKratos(t, ['--public-port', `${publicPort}`, '--admin-port', `${adminPort}`, ...args], folder)
  await program.printed(/Ctrl-C stops it/)
  return { program, publicUrl: `http://127.0.0.1:${publicPort}`, adminUrl: `http://127.0.0.1:${adminPort}` }
}

/** A folder with its own kratos.yml and identity schema. */
async function projectFolder (t: Test): Promise<string> {
  const folder = await temporaryFolder(t)
  await writeFile(
    join(folder, 'kratos.yml'),
    `
serve:
  public: { base_url: 'http://127.0.0.1:${CONFIGURED_PORT}/', port: ${CONFIGURED_PORT} }
  admin: { base_url: 'https://admin.example.test/' }
dsn: postgres://nowhere
selfservice:
  default_browser_return_url: http://127.0.0.1:3001/
  flows:
    registration: { after: { password: { hooks: [{ hook: session }] } } }
    verification: { enabled: true }
  methods: { password: { config: { haveibeenpwned_enabled: false } } }
hashers: { algorithm: bcrypt, bcrypt: { cost: 4 } }
identity: { schemas: [{ id: default, url: 'file://./person.json' }] }
`,
  )
  await copyFile(join(ROOT, 'kratos/identity.schema.json'), join(folder, 'person.json'))
  return folder
}

export default async function (t: Test): Promise<void> {
  t.test('embedded-kratos', async (t) => {
    t.test('runs the kratos.yml of its folder, prints what is not built, and prints mails', async (t) => {
      const { program, publicUrl, adminUrl } = await startServer(t, [], await projectFolder(t))
      for (
        const wanted of [
          publicUrl,
          adminUrl,
          'For development only',
          'not built: ',
          'not used from the configuration: dsn',
          'in memory',
        ]
      ) {
        t.ok(program.output().includes(wanted), wanted)
      }
      const { body } = await call('GET', `${publicUrl}/self-service/login/api`)
      t.ok(String(body['ui'].action).startsWith(`${publicUrl}/`), 'base_url follows the port that was moved')
      t.equal((await register(publicUrl, 'cli@example.test')).status, 200)
      await program.printed(/message verification_code_valid to cli@example\.test: .*\b\d{6}\b/)
      const created = await call('POST', `${adminUrl}/admin/identities`, {
        body: { schema_id: 'default', traits: { email: 'admin@example.test' } },
      })
      t.match(
        created.headers.get('location'),
        /^https:\/\/admin\.example\.test\//,
        'a base_url that names no port of ours stays',
      )
    })

    t.test('ends on one Ctrl-C, whatever is open, and keeps a database file', async (t) => {
      const folder = await projectFolder(t)
      const { program, publicUrl } = await startServer(t, ['--database', 'data/kratos.db'], folder)
      t.equal((await register(publicUrl, 'kept@example.test')).status, 200)
      program.child.kill('SIGINT')
      t.strictSame(
        await program.ended,
        { code: 0, signal: null },
        'in time: the command gives up after 1.5 s, with another code',
      )
      t.ok(existsSync(join(folder, 'data/kratos.db')))
      const second = await startServer(t, ['--database', 'data/kratos.db'], folder)
      t.equal((await logIn(second.publicUrl, 'kept@example.test')).status, 200)
    })

    t.test(
      'uses the configured ports, a given schema, and the packaged example without a kratos.yml',
      async (t) => {
        const [publicPort, adminPort] = await freePorts(2)
        const folder = await temporaryFolder(t)
        const written = await readFile(join(ROOT, 'kratos/kratos.yml'), 'utf8')
        await writeFile(
          join(folder, 'moved.yml'),
          written.replaceAll('4433', `${publicPort}`).replaceAll('4434', `${adminPort}`),
        )
        const program = embeddedKratos(
          t,
          ['--config', 'moved.yml', '--schema', join(ROOT, 'kratos/identity.schema.json')],
          folder,
        )
        await program.printed(/Ctrl-C stops it/)
        t.ok(
          String((await call('GET', `http://127.0.0.1:${publicPort}/self-service/login/api`)).body['ui'].action).includes(
            `:${publicPort}/`,
          ),
        )
        const { program: example } = await startServer(t, [], await temporaryFolder(t))
        t.match(example.output(), 'the example of the package')
      },
    )

    t.test('--help lists the arguments', async (t) => {
      const { ended, output } = embeddedKratos(t, ['--help'])
      t.equal((await ended).code, 0)
      t.match(output(), /^embedded-kratos .*\n[^]*--database/)
    })

    t.test('a port in use gives one line and exit code 1', async (t) => {
      const holder = createServer().listen(0, '127.0.0.1')
      await once(holder, 'listening')
      t.teardown(() => holder.close())
      const { port } = holder.address() as { port: number }
      const { ended, output } = embeddedKratos(t, ['--public-port', `${port}`], await projectFolder(t))
      t.equal((await ended).code, 1)
      t.equal(
        output(),
        `embedded-kratos cannot start: port ${port} is taken; free it or choose others with --public-port and --admin-port\n`,
      )
    })

    t.test('a bad configuration or argument gives one line with its path, and exit code 1', async (t) => {
      const folder = await projectFolder(t)
      await writeFile(
        join(folder, 'bad.yml'),
        `identity: { schemas: [{ id: default, url: 'file://./person.json' }] }
selfservice: { default_browser_return_url: /, methods: { webauthn: { enabled: true } } }
`,
      )
      const failures: Array<[string[], RegExp]> = [
        [
          ['--config', 'bad.yml'],
          /^embedded-kratos cannot start: bad\.yml cannot be used: selfservice\.methods\.webauthn lacks config\n$/,
        ],
        [['--schema', 'none.json'], /^embedded-kratos cannot start: the identity schema cannot be read: ENOENT[^\n]*\n$/],
        [['--colour'], /^embedded-kratos cannot start: Unknown option '--colour'[^\n]*\n$/],
      ]
      for (const [args, line] of failures) {
        const { ended, output } = embeddedKratos(t, args, folder)
        t.equal((await ended).code, 1)
        t.match(output(), line)
      }
    })
  })
}
