import { join } from 'node:path'
import type { Test } from 'tap'
import type { InjectOptions, LightMyRequestResponse } from 'fastify'
import { build, FRONTEND } from '../support/app.js'
import { plain, refused } from '../support/raw-http.js'
import { ROOT, run, transpiled } from '../support/process.js'
import { startBlackHole, startBreakingTlsServers, startTlsServer } from '../support/unreachable.js'

const TOKEN = { 'x-session-token': `ory_st_${'a'.repeat(32)}` }
const ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'

export default async function (t: Test): Promise<void> {
  t.test('a Kratos behind TLS that cannot be trusted is 503 with its reason in the log, and 502 where TLS breaks later (J08, J21)', async (t) => {
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    const untrusted = { statusCode: 503, code: 'UPSTREAM_UNAVAILABLE' }
    const cases: Array<[name: string, url: string, expected: object]> = [
      ['is heard', await startTlsServer(t, 'good'), { statusCode: 401, code: 'INVALID_SESSION', cause: '' }],
      ['expired', await startTlsServer(t, 'expired'), { ...untrusted, cause: /CERT_HAS_EXPIRED/ }],
      ['wrong name', await startTlsServer(t, 'wrong-name'), { ...untrusted, cause: /ERR_TLS_CERT_ALTNAME_INVALID/ }],
      ['signed by itself', await startTlsServer(t, 'self-signed'), { ...untrusted, cause: /SELF_SIGNED_CERT/ }],
      ['too old', await startTlsServer(t, 'good', old), { ...untrusted, cause: /PROTOCOL/ }],
      ...(await startBreakingTlsServers(t)).map(([name, url]): [string, string, object] =>
        [name, url, { statusCode: 502, code: 'UPSTREAM_ERROR', cause: /./ }]),
    ]
    const authority = { NODE_EXTRA_CA_CERTS: join(ROOT, 'test/fixtures/tls/authority.pem') }
    const { ended, output } = run(
      t,
      [transpiled('test/support/tls-child.ts'), ...cases.map(([, url]) => url)],
      authority,
    )
    t.equal((await ended).code, 0, output())
    const answers = output().split('\n').filter((line) => line.startsWith('{')).map((line) =>
      JSON.parse(line) as { url: string, statusCode: number, code: string, cause: string },
    )
    for (const [index, [name, url, expected]] of cases.entries()) t.match(answers[index], { url, ...expected }, name)
  })

  t.test('a Kratos whose machine swallows connections is given up in time (J03)', async (t) => {
    const url = await startBlackHole(t)
    if (url === undefined) {
      t.pass('this system queues connections that nobody accepts', { skip: 'no black hole can be had here' })
      return
    }
    const { app } = await build(t, { KRATOS_PUBLIC_URL: url })
    const ask = async (request: InjectOptions): Promise<{ response: LightMyRequestResponse, ms: number }> => {
      const start = Date.now()
      return { response: await app.inject(request), ms: Date.now() - start }
    }
    const answers = await Promise.all([
      ask({ url: '/api/auth/whoami', headers: TOKEN }),
      ask({ url: '/api/auth/flows/login' }),
      ask({ method: 'POST', url: '/api/auth/flows/login', payload: { flow_id: ID }, headers: { origin: FRONTEND } }),
    ])
    for (const { response, ms } of answers) {
      refused(t, plain(response), 503, 'UPSTREAM_UNAVAILABLE', 'cannot connect')
      t.ok(ms >= 900, `by the connect timeout of 1 s, before the deadline: ${ms} ms`)
    }

    const hasty = await build(t, { KRATOS_PUBLIC_URL: url, WHOAMI_DEADLINE_MS: '300' })
    const start = Date.now()
    const late = plain(await hasty.app.inject({ url: '/api/auth/whoami', headers: TOKEN }))
    refused(t, late, 504, 'UPSTREAM_TIMEOUT', 'a deadline that ends before the connect timeout does')
    t.ok(Date.now() - start >= 299, 'and not before its time')
  })
}
