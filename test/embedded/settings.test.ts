import { inflateSync } from 'node:zlib'
import decodeQR from 'qr/decode.js'
import type { Test } from 'tap'
import { systemClock } from '../../kratos/embedded/clock.js'
import { startEmbeddedKratos, type EmbeddedKratos } from '../../kratos/embedded/index.js'
import { call, logIn, PASSWORD, register, whoami, type JsonAnswer } from './client.js'
import { totpCode } from './replay/totp.js'

const NEW_PASSWORD = 'Zk3-granite-lantern-77'
const EMAIL = 'ada@example.test'

interface Running {
  kratos: EmbeddedKratos
  later: (minutes: number) => void
  now: () => number
}

/** A server with second factors and a clock that stands still until it is advanced. */
async function start (t: Test, settings: object = {}): Promise<Running> {
  let time = Date.now()
  const now = (): number => time
  const overrides = {
    hashers: { bcrypt: { cost: 4 } },
    selfservice: {
      methods: { totp: { enabled: true, config: { issuer: 'Example' } }, lookup_secret: { enabled: true } },
      flows: { settings: { privileged_session_max_age: '15m', required_aal: 'aal1', ...settings } },
    },
  }
  const kratos = await startEmbeddedKratos({ overrides, clock: { ...systemClock, now } })
  t.teardown(async () => await kratos.close())
  return {
    kratos,
    now,
    later: (minutes) => {
      time += minutes * 60_000
    },
  }
}

const token = (answer: JsonAnswer): Record<string, string> => ({
  'x-session-token': String(answer.body['session_token']),
})

const openSettings = async (publicUrl: string, headers: Record<string, string>): Promise<JsonAnswer> =>
  await call('GET', `${publicUrl}/self-service/settings/api`, { headers })

const submit = async (
  publicUrl: string,
  flow: JsonAnswer,
  headers: Record<string, string>,
  body: object,
): Promise<JsonAnswer> =>
  await call('POST', `${publicUrl}/self-service/settings?flow=${flow.body['id']}`, { headers, body })

const nodes = (flow: JsonAnswer): Array<Record<string, any>> => flow.body['ui'].nodes

const secretIn = (flow: JsonAnswer): string =>
  nodes(flow).find(({ attributes }) => attributes.id === 'totp_secret_key')?.['attributes'].text.text

/** The backup codes in the form. */
const codesIn = (flow: JsonAnswer): string[] =>
  nodes(flow)
    .find(({ attributes }) => attributes.id === 'lookup_secret_codes')
    ?.['attributes'].text.context.secrets.map((code: { text: string }) => code.text)

/** A browser that navigates: it keeps cookies and does not follow redirects. */
function browser (publicUrl: string) {
  const jar = new Map<string, string>()
  const go = async (path: string, form?: Record<string, string>): Promise<string> => {
    const answer = await fetch(new URL(path, publicUrl), {
      redirect: 'manual',
      headers: { accept: 'text/html', cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    await answer.body?.cancel()
    return answer.headers.get('location') ?? ''
  }
  const fetchFlow = async (kind: string, page: string): Promise<JsonAnswer> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    return await call('GET', `${publicUrl}/self-service/${kind}/flows?id=${new URL(page).searchParams.get('flow')}`, {
      headers: { cookie },
    })
  }
  const csrf = (flow: JsonAnswer): string =>
    nodes(flow).find(({ attributes }) => attributes.name === 'csrf_token')?.['attributes'].value
  const logInAt = async (page: string, identifier: string, password = PASSWORD): Promise<string> => {
    const flow = await fetchFlow('login', page)
    return await go(`/self-service/login?flow=${flow.body['id']}`, {
      method: 'password',
      identifier,
      password,
      csrf_token: csrf(flow),
    })
  }
  return { jar, go, fetchFlow, csrf, logInAt }
}

/** The text in the QR code of a 256 pixel grey PNG without filters. */
function scanned (image: string): string {
  const bytes = Buffer.from(image.slice(image.indexOf(',') + 1), 'base64')
  const at = bytes.indexOf('IDAT')
  const rows = inflateSync(bytes.subarray(at + 4, at + 4 + bytes.readUInt32BE(at - 4)))
  const grey = Array.from(
    { length: 256 * 256 },
    (_, pixel) => rows[Math.floor(pixel / 256) * 257 + 1 + (pixel % 256)] ?? 0,
  )
  return decodeQR({
    width: 256,
    height: 256,
    data: Uint8Array.from(grey.flatMap((value) => [value, value, value, 255])),
  })
}

export default async function (t: Test): Promise<void> {
  t.test('POST /self-service/settings of the embedded Kratos', async (t) => {
    t.test('shows the TOTP key as a QR code that can be scanned', async (t) => {
      const { kratos: { publicUrl } } = await start(t)
      const flow = await openSettings(publicUrl, token(await register(publicUrl, EMAIL)))
      const image = nodes(flow).find(({ attributes }) => attributes.id === 'totp_qr')?.['attributes'].src
      t.equal(
        scanned(image),
        `otpauth://totp/Example:${EMAIL}?algorithm=SHA1&digits=6&issuer=Example&period=30&secret=${secretIn(flow)}`,
      )
    })

    t.test('accepts a code of the previous and the next period, but no older one', async (t) => {
      const { kratos: { publicUrl }, now } = await start(t)
      const headers = token(await register(publicUrl, EMAIL))
      const flow = await openSettings(publicUrl, headers)
      const enrol = async (periods: number): Promise<number> =>
        (
          await submit(publicUrl, flow, headers, {
            method: 'totp',
            totp_code: totpCode(secretIn(flow), now() + periods * 30_000),
          })
        ).status
      t.equal(await enrol(-3), 400)
      t.equal(await enrol(3), 400)
      t.equal(await enrol(-1), 200)
    })

    t.test('makes a change that waited for a new login when the browser returns, and only once', async (t) => {
      const { kratos: { publicUrl }, later } = await start(t)
      await register(publicUrl, EMAIL)
      const { jar, go, fetchFlow, csrf, logInAt } = browser(publicUrl)
      await logInAt(await go('/self-service/login/browser'), EMAIL)
      const page = await go('/self-service/settings/browser')
      const flow = await fetchFlow('settings', page)
      later(16)
      const detour = await go(`/self-service/settings?flow=${flow.body['id']}`, {
        method: 'password',
        password: NEW_PASSWORD,
        csrf_token: csrf(flow),
      })
      t.match(detour, `${publicUrl}/self-service/login/browser?refresh=true`)
      const back = await logInAt(await go(detour), EMAIL)
      const kept = jar.get('ory_kratos_continuity') ?? ''
      t.equal(back, `${publicUrl}/self-service/settings?flow=${flow.body['id']}`)
      t.equal(await go(back), page)
      t.equal((await fetchFlow('settings', page)).body['state'], 'success')
      t.equal((await logIn(publicUrl, EMAIL, NEW_PASSWORD)).status, 200)
      jar.set('ory_kratos_continuity', kept)
      await go(back)
      // Nothing waits any more, even for the old cookie: this GET is a submit without fields.
      t.equal((await fetchFlow('settings', page)).body['ui'].messages[0].id, 4000001)
    })

    t.test('refuses to resume a change of somebody else', async (t) => {
      const { kratos: { publicUrl }, later } = await start(t)
      await register(publicUrl, EMAIL)
      await register(publicUrl, 'eve@example.test')
      const [ada, eve] = [browser(publicUrl), browser(publicUrl)]
      await ada.logInAt(await ada.go('/self-service/login/browser'), EMAIL)
      const flow = await ada.fetchFlow('settings', await ada.go('/self-service/settings/browser'))
      later(16)
      await ada.go(`/self-service/settings?flow=${flow.body['id']}`, {
        method: 'password',
        password: NEW_PASSWORD,
        csrf_token: ada.csrf(flow),
      })
      await eve.logInAt(await eve.go('/self-service/login/browser'), 'eve@example.test')
      const own = await eve.fetchFlow('settings', await eve.go('/self-service/settings/browser'))
      eve.jar.set('ory_kratos_continuity', ada.jar.get('ory_kratos_continuity') ?? '')
      const errorPage = await eve.go(`/self-service/settings?flow=${own.body['id']}`, {
        method: 'password',
        password: NEW_PASSWORD,
        csrf_token: eve.csrf(own),
      })
      const error = await call('GET', `${publicUrl}/self-service/errors?id=${new URL(errorPage).searchParams.get('id')}`)
      t.equal(error.body['error'].code, 403)
      t.equal((await logIn(publicUrl, 'eve@example.test')).status, 200)
    })

    t.test('ends the other sessions if revoke_active_sessions is configured', async (t) => {
      const {
        kratos: { publicUrl },
      } = await start(t, { after: { password: { hooks: [{ hook: 'revoke_active_sessions' }] } } })
      const [own, other] = [token(await register(publicUrl, EMAIL)), token(await logIn(publicUrl, EMAIL))]
      const flow = await openSettings(publicUrl, own)
      t.equal((await submit(publicUrl, flow, own, { method: 'profile', traits: { email: EMAIL } })).status, 200)
      t.equal((await whoami(publicUrl, other)).status, 200)
      t.equal((await submit(publicUrl, flow, own, { method: 'password', password: NEW_PASSWORD })).status, 200)
      t.equal((await whoami(publicUrl, other)).status, 401)
      t.equal((await whoami(publicUrl, own)).status, 200)
    })

    t.test('needs a new login even for a change of name if an address is verified, as v26.2.0 does', async (t) => {
      const { kratos: { publicUrl, adminUrl }, later } = await start(t)
      const verified = { value: EMAIL, via: 'email', verified: true, status: 'completed' }
      await call('POST', `${adminUrl}/admin/identities`, {
        body: {
          schema_id: 'default',
          traits: { email: EMAIL },
          credentials: { password: { config: { password: PASSWORD } } },
          verifiable_addresses: [verified],
        },
      })
      const headers = token(await logIn(publicUrl, EMAIL))
      const flow = await openSettings(publicUrl, headers)
      const rename = async (): Promise<number> =>
        (await submit(publicUrl, flow, headers, { method: 'profile', traits: { email: EMAIL } })).status
      t.equal(await rename(), 200)
      later(16)
      t.equal(await rename(), 403)
    })
  })

  t.test('POST /self-service/login with a backup code of the embedded Kratos', async (t) => {
    t.test('accepts a code in only one of ten simultaneous logins', async (t) => {
      const { kratos: { publicUrl } } = await start(t)
      const headers = token(await register(publicUrl, EMAIL))
      const flow = await openSettings(publicUrl, headers)
      const [code = ''] = codesIn(await submit(publicUrl, flow, headers, { lookup_secret_regenerate: true }))
      t.equal((await submit(publicUrl, flow, headers, { lookup_secret_confirm: true })).status, 200)
      const statuses = await Promise.all(Array.from({ length: 10 }, async () => {
        const session = token(await logIn(publicUrl, EMAIL))
        const step = await call('GET', `${publicUrl}/self-service/login/api?aal=aal2`, { headers: session })
        const body = { method: 'lookup_secret', lookup_secret: code }
        return (await call('POST', `${publicUrl}/self-service/login?flow=${step.body['id']}`, { headers: session, body }))
          .status
      }))
      t.strictSame(statuses.sort(), [200, ...Array.from({ length: 9 }, () => 400)])
    })
  })
}
