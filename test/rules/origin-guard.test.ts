import Fastify from 'fastify'
import type { Test } from 'tap'
import fastifyKratos from '../../src/plugin.js'
import { isBrowserOriginTrusted, isDeliberateVisit, isOriginTrusted, needsOriginCheck } from '../../src/origin-guard.js'

const OWN = 'https://api.example'
const APP = 'https://app.example'
const JSON_TYPE = { 'content-type': 'application/json' }
const trusts = (headers: Record<string, string>, method = 'POST'): boolean =>
  isOriginTrusted({ method, headers, ownOrigin: OWN }, [APP])
const visits = (headers: Record<string, string>): boolean =>
  isDeliberateVisit({ method: 'GET', headers, ownOrigin: OWN }, [APP])

export default async function (t: Test): Promise<void> {
  t.test('a state-changing request', async (t) => {
    t.test('of an allowed origin passes, of any other it does not (C02)', async (t) => {
      for (const origin of [OWN, APP]) t.ok(trusts({ origin, ...JSON_TYPE }), origin)
      const foreign = [
        'http://app.example',
        'https://app.example:8443',
        'https://app.example:443',
        'https://app.example/',
        'https://APP.example',
        'null',
        '',
        ' ',
        'https://app.example.evil.com',
        'https://evilapp.example',
        'https://app.example, https://evil.example',
        `${APP}, ${APP}`,
        `${APP} ${APP}`,
        'https://app.example.',
        'https://evil.example',
        'app.example',
        'https://sub.app.example',
        'https://user@app.example',
        'chrome-extension://x',
        'undefined',
        '*',
      ]
      for (const origin of foreign) {
        for (const method of ['POST', 'PATCH', 'PUT', 'DELETE', 'GET']) { t.notOk(trusts({ origin, ...JSON_TYPE }, method), `${method} ${origin}`) }
        t.notOk(
          trusts({ origin, 'sec-fetch-site': 'same-origin', ...JSON_TYPE }),
          `${origin} with fetch metadata that says otherwise`,
        )
      }
    })

    t.test('without Origin passes only from the same origin, as fetch metadata say (C08)', async (t) => {
      t.ok(trusts({ 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', ...JSON_TYPE }))
      for (const site of ['cross-site', 'same-site', 'none', '', 'same-origin, same-origin', 'SAME-ORIGIN', 'x']) {
        for (const method of ['POST', 'DELETE']) { t.notOk(trusts({ 'sec-fetch-site': site, ...JSON_TYPE }, method), `${method} ${site}`) }
      }
    })

    t.test('that is a navigation is a form, and forms do not speak to us (C08)', async (t) => {
      for (
        const headers of [{}, { origin: APP }, { origin: OWN }, { 'sec-fetch-site': 'same-origin' }, {
          'sec-fetch-site': 'none',
        }]
      ) {
        t.notOk(trusts({ 'sec-fetch-mode': 'navigate', ...headers, ...JSON_TYPE }), JSON.stringify(headers))
      }
    })

    t.test('of no browser passes if a browser could not send it unasked (C06, C07, C09)', async (t) => {
      for (
        const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON', 'application/json ;x']
      ) t.ok(trusts({ 'content-type': type }), type)
      for (
        const type of [
          'text/plain',
          'application/x-www-form-urlencoded',
          'multipart/form-data',
          'text/plain; application/json',
          'application/jsonp',
          'application/json-patch+json',
          'text/plain, application/json',
          '',
        ]
      ) {
        t.notOk(trusts({ 'content-type': type }), `POST ${type}`)
      }
      t.notOk(trusts({}), 'POST without a body (C07, C09)')
      for (const method of ['PUT', 'PATCH', 'DELETE']) t.ok(trusts({}, method), `${method} needs a preflight`)
    })

    t.test('without any allowed front end passes from the own origin only', async (t) => {
      t.ok(isOriginTrusted({ method: 'POST', headers: { origin: OWN }, ownOrigin: OWN }, []))
      t.notOk(isOriginTrusted({ method: 'POST', headers: { origin: APP }, ownOrigin: OWN }, []))
    })
  })

  t.test('a GET that completes a logout (C11)', async (t) => {
    const cases: Array<[boolean, string, Record<string, string>]> = [
      [true, 'curl', {}],
      [true, 'a link on any page', {
        'sec-fetch-dest': 'document',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-site': 'cross-site',
      }],
      [true, 'the address bar', { 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' }],
      [true, 'fetch of an allowed page', {
        'sec-fetch-dest': 'empty',
        'sec-fetch-mode': 'cors',
        'sec-fetch-site': 'same-site',
        origin: APP,
      }],
      [true, 'fetch of our own page', {
        'sec-fetch-dest': 'empty',
        'sec-fetch-mode': 'cors',
        'sec-fetch-site': 'same-origin',
      }],
      [true, 'fetch of an allowed page in a browser without fetch metadata', { origin: APP }],
      [false, 'fetch of a foreign page', {
        'sec-fetch-dest': 'empty',
        'sec-fetch-mode': 'cors',
        'sec-fetch-site': 'cross-site',
        origin: 'https://evil.example',
      }],
      [false, 'no-cors fetch of a foreign page', {
        'sec-fetch-dest': 'empty',
        'sec-fetch-mode': 'no-cors',
        'sec-fetch-site': 'cross-site',
      }],
      [false, 'no-cors fetch of a sibling', {
        'sec-fetch-dest': 'empty',
        'sec-fetch-mode': 'no-cors',
        'sec-fetch-site': 'same-site',
      }],
      [false, 'fetch of a foreign page in a browser without fetch metadata', { origin: 'https://evil.example' }],
      [false, 'prefetch', { 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin', 'sec-purpose': 'prefetch' }],
      [false, 'prerender', {
        'sec-fetch-dest': 'document',
        'sec-fetch-mode': 'navigate',
        'sec-purpose': 'prefetch;prerender',
      }],
      [false, 'prefetch of an older browser', { purpose: 'prefetch' }],
      [false, 'prefetch of an older Firefox', { 'x-moz': 'prefetch' }],
      [false, 'an embedded object', {
        'sec-fetch-dest': 'object',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-site': 'same-origin',
      }],
      ...['image', 'iframe', 'frame', 'script', 'style', 'audio', 'embed', 'manifest', 'worker', 'font', ''].map((
        dest,
      ): [boolean, string, Record<string, string>] => [false, `subresource ${dest}`, {
        'sec-fetch-dest': dest,
        'sec-fetch-mode': 'no-cors',
        'sec-fetch-site': 'same-origin',
      }]),
    ]
    for (const [expected, name, headers] of cases) t.equal(visits(headers), expected, name)
  })

  t.test('what needs an origin check at all', async (t) => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'post', 'get']) { t.ok(needsOriginCheck(method, {}), method) }
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      t.notOk(needsOriginCheck(method, {}), method)
      t.ok(needsOriginCheck(method, { upgrade: 'websocket' }), `${method} that upgrades to a WebSocket (C02)`)
    }
    t.notOk(
      isOriginTrusted({
        method: 'GET',
        headers: { upgrade: 'websocket', origin: 'https://evil.example' },
        ownOrigin: OWN,
      }, [APP]),
      'foreign WebSocket',
    )
    t.ok(
      isOriginTrusted({
        method: 'GET',
        headers: { upgrade: 'websocket', origin: APP, 'sec-fetch-mode': 'websocket' },
        ownOrigin: OWN,
      }, [APP]),
    )
  })

  t.test("Kratos' own forms, which are navigations", async (t) => {
    const form = (headers: Record<string, string>): boolean =>
      isBrowserOriginTrusted({
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        ownOrigin: OWN,
      }, [APP])
    t.ok(form({ 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-origin', origin: OWN }), 'of our own origin')
    t.ok(form({ 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'same-site', origin: APP }), 'of an allowed front end')
    t.ok(form({}), 'of no modern browser: Kratos checks its CSRF token')
    for (
      const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }, {
        'sec-fetch-site': 'none',
      }]
    ) t.notOk(form({ 'sec-fetch-mode': 'navigate', ...headers }), JSON.stringify(headers))
  })

  t.test('a Host that is none has no origin, and is no fault of ours', async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(fastifyKratos, { publicUrl: 'http://127.0.0.1:9' })
    for (const host of ['[', '%', 'a b', 'x:99999']) {
      for (const origin of [APP, '', `http://${host}`]) {
        const { statusCode } = await app.inject({
          method: 'POST',
          url: '/api/auth/flows/login',
          payload: {},
          headers: { host, origin },
        })
        t.equal(statusCode, 403, `Host ${host}, Origin ${origin}`)
      }
    }
  })
}
