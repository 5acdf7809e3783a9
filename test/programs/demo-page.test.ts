import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { isBrowserPlatform, startBrowser } from '../support/browser.js'
import { freePorts, run, transpiled } from '../support/process.js'

async function signUp (page: Page, base: string, email: string): Promise<void> {
  await page.goto(`${base}/registration`)
  const form = page.locator('#registration-form')
  await form.getByLabel('E-mail').fill(email)
  await form.getByLabel('Password').fill('Xq7-velvet-harbor-42')
  await form.getByRole('button', { name: 'Sign up' }).click()
  await page.getByRole('heading', { name: 'Your documents' }).waitFor()
}

export default async function (t: Test): Promise<void> {
  t.test('the demo page in a browser', {
    timeout: 120_000,
    skip: !isBrowserPlatform && 'no Chromium in npm for this platform',
  }, async (t) => {
    const browser = await startBrowser(t)
    if (browser === undefined) {
      t.pass('not tried: Chromium lacks a system library here', { skip: true })
      return
    }
    const [service = 0, pagePort = 0, kratosPublic, kratosAdmin] = await freePorts(4)
    const ports = [
      '--port',
      `${service}`,
      '--page-port',
      `${pagePort}`,
      '--kratos-port',
      `${kratosPublic}`,
      '--kratos-admin-port',
      `${kratosAdmin}`,
    ]
    const dev = run(t, [transpiled('src/dev.ts'), '--memory', ...ports])
    await dev.printed(/Ctrl-C stops everything/)

    for (const host of ['localhost', '127.0.0.1']) {
      await t.test(`signs up, adds and deletes a document, logs out and in again, from another origin on ${host}`, async (t) => {
        const context = await browser.newContext()
        t.teardown(() => context.close())
        const page = await context.newPage()
        const base = `http://${host}:${pagePort}`
        const email = `page-${host}@example.test`
        await signUp(page, base, email)
        const [cookie] = await context.cookies(`http://${host}:${service}`)
        t.match(cookie, { name: 'ory_kratos_session', httpOnly: true, sameSite: 'Lax', domain: host })
        t.equal(await page.evaluate('document.cookie'), '', 'no script sees the session')

        await page.getByLabel('Title').fill('<b>First</b>')
        await page.getByLabel('Content').fill('text')
        await page.getByRole('button', { name: 'Add document' }).click()
        const item = page.getByRole('listitem')
        await item.waitFor()
        t.match(await item.innerText(), /<b>First<\/b>/)
        await page.reload()
        await item.waitFor()
        await item.getByRole('button').click()
        await item.waitFor({ state: 'detached' })

        await page.getByRole('button', { name: 'Log out' }).click()
        const form = page.locator('#login-form')
        await form.getByLabel('E-mail or username').fill(email)
        await form.getByLabel('Password').fill('wrong-password')
        await form.getByRole('button', { name: 'Log in' }).click()
        await page.getByText('The provided credentials are invalid').waitFor()
        await form.getByLabel('Password').fill('Xq7-velvet-harbor-42')
        await form.getByRole('button', { name: 'Log in' }).click()
        await page.getByRole('heading', { name: 'Your documents' }).waitFor()
      })
    }

    await t.test('a page of another site cannot log anybody out or write (C02, C06, C11)', async (t) => {
      const context = await browser.newContext()
      t.teardown(() => context.close())
      const page = await context.newPage()
      await signUp(page, `http://localhost:${pagePort}`, 'victim@example.test')
      // 127.0.0.1 is another site than localhost: the demo page there plays the attacker.
      await page.goto(`http://127.0.0.1:${pagePort}/error`)
      await page.evaluate(`(async () => {
      const send = (path, body) => fetch('http://localhost:${service}' + path, { method: 'POST', mode: 'no-cors', credentials: 'include', body }).catch(() => {})
      await send('/api/auth/logout', '{}')
      await send('/api/documents', JSON.stringify({ title: 'evil', content: '' }))
    })()`)
      await page.goto(`http://localhost:${pagePort}/`)
      await page.getByRole('heading', { name: 'Your documents' }).waitFor()
      t.equal(await page.getByRole('listitem').count(), 0)
    })
  })
}
