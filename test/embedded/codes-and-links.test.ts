import type { Test } from 'tap'
import { systemClock } from '../../kratos/embedded/clock.js'
import { startEmbeddedKratos, type EmbeddedKratos } from '../../kratos/embedded/index.js'
import { call, logIn, PASSWORD, register, submitFlow, whoami, type JsonAnswer } from './client.js'

const EMAIL = 'ada@example.test'

interface Running extends EmbeddedKratos {
  later: (minutes: number) => void
  lines: string[]
}

/** A server with a clock that can be advanced, where a recovery ends with a token. */
async function start (t: Test, overrides: object = {}, options: object = {}): Promise<Running> {
  let ahead = 0
  const lines: string[] = []
  const kratos = await startEmbeddedKratos({
    overrides: {
      hashers: { bcrypt: { cost: 4 } },
      feature_flags: { use_continue_with_transitions: true },
      ...overrides,
    },
    clock: { ...systemClock, now: () => Date.now() + ahead },
    logger: (line) => {
      lines.push(line)
    },
    ...options,
  })
  t.teardown(async () => await kratos.close())
  return Object.assign(kratos, {
    later: (minutes: number) => {
      ahead += minutes * 60_000
    },
    lines,
  })
}

const methods = (methods: object): object => ({ selfservice: { methods } })

const open = async ({ publicUrl }: Running, flow: string, query = '', headers = {}): Promise<string> =>
  (await call('GET', `${publicUrl}/self-service/${flow}/api${query}`, { headers })).body['id']

const submit = async (
  { publicUrl }: Running,
  flow: string,
  id: string,
  body: object,
  headers = {},
): Promise<JsonAnswer> => await call('POST', `${publicUrl}/self-service/${flow}?flow=${id}`, { body, headers })

const codeFor = (kratos: Running, address: string): string => kratos.messages(address)[0]?.code ?? ''

/** A recovery flow that waits for the code. */
async function askForCode (kratos: Running, email = EMAIL): Promise<{ id: string, code: string }> {
  const id = await open(kratos, 'recovery')
  await submit(kratos, 'recovery', id, { method: 'code', email })
  return { id, code: codeFor(kratos, email) }
}

const isRecovered = ({ body }: JsonAnswer): boolean => body['state'] === 'passed_challenge'

/** Opens a mail's link in a browser without cookies. */
const openLink = async (url: string): Promise<Response> =>
  await fetch(url, { redirect: 'manual', headers: { accept: 'text/html' } })

const address = async (kratos: Running, id: string): Promise<Record<string, any>> =>
  (await call('GET', `${kratos.adminUrl}/admin/identities/${id}`)).body['verifiable_addresses'][0]

export default async function (t: Test): Promise<void> {
  t.test('POST /self-service/recovery', async (t) => {
    t.test('gives one session for twenty simultaneous submits of the right code', async (t) => {
      const kratos = await start(t)
      await register(kratos.publicUrl, EMAIL)
      const { id, code } = await askForCode(kratos)
      const answers = await Promise.all(
        Array.from({ length: 20 }, async () => await submit(kratos, 'recovery', id, { method: 'code', code })),
      )
      t.equal(answers.filter(isRecovered).length, 1)
    })
    t.test('counts all simultaneous tries, and does not reset the count for a new code', async (t) => {
      const kratos = await start(t)
      await register(kratos.publicUrl, EMAIL)
      const { id } = await askForCode(kratos)
      const answers = await Promise.all(
        Array.from({ length: 9 }, async () => await submit(kratos, 'recovery', id, { method: 'code', code: 'wrong' })),
      )
      t.equal(answers.filter(({ status }) => status === 200).length, 5)
      await submit(kratos, 'recovery', id, { method: 'code', email: EMAIL })
      t.notOk(isRecovered(await submit(kratos, 'recovery', id, { method: 'code', code: codeFor(kratos, EMAIL) })))
    })
    t.test('refuses an expired code, a code of a deleted identity, and a replaced code', async (t) => {
      const kratos = await start(t, { selfservice: { methods: { code: { config: { lifespan: '5m' } } } } })
      const { body } = await register(kratos.publicUrl, EMAIL)
      const late = await askForCode(kratos)
      const resent = await askForCode(kratos)
      await submit(kratos, 'recovery', resent.id, { method: 'code', email: EMAIL })
      t.notOk(isRecovered(await submit(kratos, 'recovery', resent.id, { method: 'code', code: resent.code })))
      kratos.later(6)
      t.notOk(isRecovered(await submit(kratos, 'recovery', late.id, { method: 'code', code: late.code })))
      const orphan = await askForCode(kratos)
      await call('DELETE', `${kratos.adminUrl}/admin/identities/${body['identity'].id}`)
      t.notOk(isRecovered(await submit(kratos, 'recovery', orphan.id, { method: 'code', code: orphan.code })))
    })
    t.test('recovers once by link, in the browser that opens it, and verifies the address', async (t) => {
      const kratos = await start(t, methods({ link: { enabled: true } }))
      const { body } = await register(kratos.publicUrl, EMAIL)
      await submit(kratos, 'recovery', await open(kratos, 'recovery'), { method: 'link', email: EMAIL })
      const link = kratos.messages(EMAIL)[0]?.link ?? ''
      const first = await openLink(link)
      t.match(first.headers.get('location'), /\/settings\?flow=/)
      t.ok(first.headers.getSetCookie().some((line) => line.startsWith('ory_kratos_session=')))
      t.equal((await address(kratos, body['identity'].id))['verified'], true)
      t.match((await openLink(link)).headers.get('location'), /\/recovery\?flow=/)
    })
    t.test('does not reveal an unknown address, except in a mail if that is configured', async (t) => {
      const quiet = await start(t)
      await askForCode(quiet, 'nobody@example.test')
      t.same(quiet.messages('nobody@example.test'), [])
      const kratos = await start(t, { selfservice: { flows: { recovery: { notify_unknown_recipients: true } } } })
      await askForCode(kratos, 'nobody@example.test')
      t.equal(kratos.messages('nobody@example.test')[0]?.template, 'recovery_code_invalid')
    })
    t.test('answers a browser with the error when a hook fails before the flow', async (t) => {
      const body = `base64://${Buffer.from('error "never"').toString('base64')}`
      const hooks = [{ hook: 'web_hook', config: { url: 'http://127.0.0.1:1/', method: 'POST', body } }]
      const kratos = await start(t, { selfservice: { flows: { recovery: { before: { hooks } } } } })
      t.equal((await openLink(`${kratos.publicUrl}/self-service/recovery/browser`)).status, 500)
    })
  })

  t.test('POST /self-service/verification', async (t) => {
    t.test('verifies by the link of a registration in any browser, if links are configured', async (t) => {
      const kratos = await start(t, {
        selfservice: { methods: { link: { enabled: true } }, flows: { verification: { use: 'link' } } },
      })
      const { body } = await register(kratos.publicUrl, EMAIL)
      const { link = '', template } = kratos.messages(EMAIL)[0] ?? {}
      t.equal(template, 'verification_valid')
      await openLink(link)
      t.match(await address(kratos, body['identity'].id), { verified: true, status: 'completed' })
    })
  })

  t.test('one-time codes', async (t) => {
    const highest = { session: { whoami: { required_aal: 'highest_available' } } }
    t.test('as second factor are sent when the login is opened', async (t) => {
      const kratos = await start(t, { ...methods({ code: { mfa_enabled: true } }), ...highest })
      await register(kratos.publicUrl, EMAIL)
      const headers = { 'x-session-token': String((await logIn(kratos.publicUrl, EMAIL)).body['session_token']) }
      t.equal((await whoami(kratos.publicUrl, headers)).status, 403)
      const id = await open(kratos, 'login', '?aal=aal2', headers)
      t.equal(kratos.messages(EMAIL)[0]?.template, 'login_code_valid')
      await submit(kratos, 'login', id, { method: 'code', code: codeFor(kratos, EMAIL) }, headers)
      t.equal((await whoami(kratos.publicUrl, headers)).body['authenticator_assurance_level'], 'aal2')
    })
    t.test('register only one of twenty simultaneous users with the same address', async (t) => {
      const kratos = await start(t, methods({ code: { passwordless_enabled: true } }))
      const codes = await Promise.all(Array.from({ length: 20 }, async () => {
        const id = await open(kratos, 'registration')
        await submit(kratos, 'registration', id, { method: 'code', traits: { email: EMAIL } })
        return { id, code: codeFor(kratos, EMAIL) }
      }))
      const mails = kratos.messages(EMAIL).map(({ code }) => code)
      const answers = await Promise.all(
        codes.flatMap(({ id }) =>
          mails.slice(0, 5).map(async (code) =>
            await submit(kratos, 'registration', id, { method: 'code', traits: { email: EMAIL }, code }),
          ),
        ),
      )
      t.equal(answers.filter(({ status }) => status === 200).length, 1)
      t.notOk(answers.some(({ status }) => status >= 500))
    })
    t.test('do not log in through the flow of somebody else', async (t) => {
      const kratos = await start(t, methods({ code: { passwordless_enabled: true } }))
      for (const email of [EMAIL, 'eve@example.test']) {
        await submitFlow(kratos.publicUrl, 'registration', { method: 'password', password: PASSWORD, traits: { email } })
      }
      const id = await open(kratos, 'login')
      await submit(kratos, 'login', id, { method: 'code', identifier: 'eve@example.test' })
      const answer = await submit(kratos, 'login', id, {
        method: 'code',
        identifier: EMAIL,
        code: codeFor(kratos, 'eve@example.test'),
      })
      t.equal(answer.body['ui'].messages[0].id, 4010008)
    })
  })

  t.test('GET /admin/courier/messages', async (t) => {
    t.test('shows every message once over all pages, and logs each', async (t) => {
      const kratos = await start(t)
      for (const name of ['a', 'b', 'c', 'd', 'e']) await register(kratos.publicUrl, `${name}@example.test`)
      const seen: string[] = []
      for (let path: string | undefined = '/admin/courier/messages?page_size=2'; path !== undefined;) {
        const page: JsonAnswer = await call('GET', `${kratos.adminUrl}${path}`)
        seen.push(...Object.values(page.body).map(({ recipient }) => recipient))
        path = /<([^>]*)>; rel="next"/.exec(page.headers.get('link') ?? '')?.[1]
      }
      t.same(seen, ['e', 'd', 'c', 'b', 'a'].map((name) => `${name}@example.test`))
      t.ok(
        kratos.lines.some((line) => line.includes('e@example.test') && line.includes(codeFor(kratos, 'e@example.test'))),
      )
    })
    t.test('hides subject and body without --dev', async (t) => {
      const kratos = await start(t, {}, { dev: false })
      await register(kratos.publicUrl, EMAIL)
      const { body } = await call('GET', `${kratos.adminUrl}/admin/courier/messages`)
      t.match(body[0], { subject: /redacted/, body: /redacted/ })
    })
  })
}
