import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { build as bundle } from 'esbuild'
import type { Test } from 'tap'
import { testInBrowser } from '../support/browser.js'
import { browserFetch } from '../support/browser-fetch.js'
import { buildWithKratos, freshEmail, PASSWORD } from '../support/kratos.js'
import { ROOT } from '../support/process.js'
import { totpCode } from '../support/totp.js'
import { type Journey, journey } from './journey/journey.js'

const EXPECTED = [
  'at first: out',
  'weak: form',
  'sign up: confirm_address',
  'confirm: done',
  'now: in',
  'settings: form',
  'app: done',
  'document: ok',
  'log out: true',
  'log in: second_factor',
  'between: out',
  'second factor: done',
  'password: done',
  'devices: 1',
  'delete: ok',
  'at last: out',
]

/** The client and the journey as one script that leaves `journey.journey` behind. */
async function script (): Promise<string> {
  const { outputFiles: [file] } = await bundle({
    entryPoints: [join(ROOT, 'test/client/journey/journey.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'journey',
  })
  return file?.text ?? ''
}

/** An empty page of an origin that the service allows. */
async function startPage (t: Test): Promise<string> {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<title>x</title>'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export default async function (t: Test): Promise<void> {
  t.test('the same journey of the client', async (t) => {
    const page = await startPage(t)
    const { app, kratos } = await buildWithKratos(t, { env: { CORS_ORIGINS: page } })
    const baseUrl = await app.listen({ port: 0, host: '127.0.0.1' })
    const mailed = async (email: string): Promise<string> => (await kratos.messages(email))[0]?.code ?? ''
    const traveller = (options: object = {}): Journey => ({
      options: { baseUrl, ...options },
      email: freshEmail(),
      password: PASSWORD,
      mailed,
      authenticator: totpCode,
    })

    await t.test('in Node', async (t) => {
      t.strictSame(await journey(traveller({ fetch: browserFetch() })), EXPECTED)
    })

    await t.test('where there is fetch and nothing else, as in a worker at the edge', async (t) => {
      const context = createContext({ fetch: browserFetch(), given: traveller() })
      t.strictSame([...await runInContext(`${await script()}; journey.journey(given)`, context) as string[]], EXPECTED)
    })

    await testInBrowser(t, 'in Chromium, in a page and in a worker', async (t, browser) => {
      const code = await script()
      for (const place of ['page', 'worker']) {
        const context = await browser.newContext()
        context.setDefaultTimeout(120_000)
        const tab = await context.newPage()
        await tab.goto(page)
        await tab.exposeFunction('mailed', mailed)
        await tab.exposeFunction('authenticator', (secret: string) => totpCode(secret))
        const given = JSON.stringify({ options: { baseUrl }, email: freshEmail(), password: PASSWORD })
        await tab.evaluate(`globalThis.code = ${JSON.stringify(code)}; globalThis.given = ${given}`)
        await tab.addScriptTag({ content: code })
        t.strictSame(await tab.evaluate(RUN[place] ?? ''), EXPECTED, place)
        await context.close()
      }
    })
  })
}

/** A worker asks its page for what the person does. */
const RUN: Record<string, string> = {
  page: 'journey.journey({ ...given, mailed, authenticator })',
  worker: `new Promise((resolve, reject) => {
    const ask = "let next = 0; const asked = new Map(); " +
      "const ask = (name) => (value) => new Promise((resolve) => { asked.set(++next, resolve); postMessage({ name, value, id: next }) }); " +
      "onmessage = ({ data }) => asked.get(data.id)(data.answer); "
    const run = "; journey.journey({ ..." + JSON.stringify(given) + ", mailed: ask('mailed'), authenticator: ask('authenticator') })" +
      ".then((seen) => postMessage({ seen }), (error) => postMessage({ error: String(error) }))"
    const worker = new Worker(URL.createObjectURL(new Blob([ask + code + run])))
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.onmessage = async ({ data: { name, value, id, seen, error } }) => {
      if (seen !== undefined) resolve(seen)
      else if (error !== undefined) reject(new Error(error))
      else worker.postMessage({ id, answer: await globalThis[name](value) })
    }
  })`,
}
