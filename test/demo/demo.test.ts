import type { Browser, Page } from 'playwright-core'
import type { Test } from 'tap'
import { createClient } from '../../src/client/client.js'
import { isBrowserPlatform, startBrowser } from '../support/browser.js'
import { browserFetch } from '../support/browser-fetch.js'
import { totpCode } from '../support/totp.js'
import { keyboardOf } from './keyboard.js'
import { look } from './look.js'
import { type Demo, startDemo } from './start.js'
import { type DemoInProcess, startDemoInProcess } from './start-in-process.js'

const PASSWORD = 'Xq7-velvet-harbor-42'

const at = (page: Page, heading: string): Promise<void> =>
  page.getByRole('heading', { name: heading, exact: true }).waitFor()

async function signUp (page: Page, base: string, email: string): Promise<void> {
  await page.goto(`${base}/registration`)
  await page.getByLabel('E-mail').fill(email)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create an account' }).click()
  await at(page, 'Confirm your e-mail')
  await page.getByRole('link', { name: 'Later' }).click()
  await at(page, 'Your documents')
}

/** A page whose scripts, requests and policy are watched. */
async function openPage (t: Test, browser: Browser): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB' })
  t.teardown(() => context.close())
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  page.on('pageerror', (error) => t.fail(`error in the page: ${error.message}`))
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) t.fail(message.text())
  })
  return page
}

async function plugInAuthenticator (page: Page): Promise<void> {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable', { enableUI: false })
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
}

/** Answers a deletion as the service does to a login that is too old, which no test can wait for. */
async function wantFreshLogin (page: Page): Promise<void> {
  await page.route('**/api/auth/account', async (route) => {
    if (route.request().method() === 'OPTIONS') return await route.continue()
    await route.fulfill({
      status: 403,
      json: { success: false, code: 'SESSION_REFRESH_REQUIRED', error: 'x', next: 'reauthenticate' },
      headers: {
        'access-control-allow-origin': new URL(page.url()).origin,
        'access-control-allow-credentials': 'true',
      },
    })
  })
}

async function walkAll (t: Test, page: Page, { page: port, codeFor }: Demo): Promise<void> {
  const base = `http://localhost:${port}`
  const { press, reach, type } = keyboardOf(page)
  const status = (text: string | RegExp): Promise<void> => page.getByRole('status').getByText(text).waitFor()
  const focused = (): Promise<unknown> => page.evaluate('document.activeElement.textContent || document.activeElement.name')
  const email = 'ada@example.test'
  await plugInAuthenticator(page)

  await t.test('a visitor: landing page, unknown path, error page, in two languages', async (t) => {
    await page.goto(`${base}/`)
    await at(page, 'Write it down. Find it again.')
    t.equal(await page.title(), 'Write it down. Find it again. · Fernleaf')
    t.equal(await focused(), 'Write it down. Find it again.')
    await look(t, page, '01-landing')
    await press('Deutsch')
    await at(page, 'Aufschreiben. Wiederfinden.')
    await look(t, page, '02-landing-german')
    await press('English')
    await page.goto(`${base}/no/such/page`)
    await at(page, 'There is nothing here')
    await look(t, page, '03-not-found')
    await page.goto(`${base}/error`)
    await at(page, 'Something went wrong')
    t.equal(await page.title(), 'Something went wrong · Fernleaf')
  })

  await t.test('sign-up, with its errors at their fields, and the address confirmed', async (t) => {
    await press('Create an account', 'link')
    await at(page, 'Create an account')
    await look(t, page, '04-sign-up')
    await press('Create an account')
    await page.getByText('Please fill in this field.').first().waitFor()
    t.equal(await focused(), 'email', 'the focus is at the first error')
    await type('E-mail', email)
    await type('Password', 'short')
    await press('Create an account')
    await page.getByText('The password needs at least 8 characters.').waitFor()
    t.equal(await focused(), 'password')
    await look(t, page, '05-sign-up-error')
    await type('First nameoptional', 'Ada')
    await type('Last nameoptional', 'Lovelace')
    await type('Password', PASSWORD)
    await press('Create an account')
    await at(page, 'Confirm your e-mail')
    await look(t, page, '06-verification')
    await type('Code', '000000')
    await press('Confirm')
    await page.getByText('This code is not right, or was used already.').waitFor()
    await type('Code', await codeFor(email, 'verification_code_valid'))
    await press('Confirm')
    await status('Thank you, your address is confirmed.')
    t.equal(await focused(), 'Your documents')
  })

  await t.test('documents', async (t) => {
    await look(t, page, '07-documents-empty')
    await press('Add document')
    await page.getByText('Please fill in this field.').waitFor()
    for (const title of ['<b>First</b>', 'A walk by the river']) {
      await type('Title', title)
      await type('Textoptional', 'Some words.')
      await press('Add document')
      await status(`“${title}” is added.`)
      t.equal(await focused(), 'title')
    }
    await look(t, page, '08-documents')
    await press('A walk by the river', 'link')
    await page.getByRole('button', { name: 'Save' }).waitFor()
    await look(t, page, '09-document')
    await type('Title', 'A walk')
    await press('Save')
    await status('Saved.')
    await press('Documents', 'link')
    await at(page, 'Your documents')
    await press('Delete “<b>First</b>”')
    await status('The document is deleted.')
    t.equal(await page.getByRole('listitem').count(), 1)
  })

  await t.test('profile and password', async (t) => {
    await press('Account', 'link')
    await at(page, 'Profile')
    await type('Usernameoptional', 'ada')
    await press('Save')
    await status('Your profile is saved.')
    await look(t, page, '10-profile')
    await press('Password', 'link')
    await at(page, 'Password')
    await type('New password', `${PASSWORD}!`)
    await press('Change password')
    await status('Your password is changed.')
    await look(t, page, '11-password')
  })

  let secret = ''
  let backupCode = ''
  await t.test('authenticator app and backup codes', async (t) => {
    await press('Authenticator app', 'link')
    await at(page, 'Authenticator app')
    await page.getByRole('img', { name: 'QR code with the key of the app' }).waitFor()
    await look(t, page, '12-authenticator')
    secret = (await page.locator('.scan code').innerText()).replaceAll(' ', '')
    await type('Code', '000000')
    await press('Turn on')
    await page.getByText('This code is not right. Codes change every 30 seconds.').waitFor()
    await type('Code', totpCode(secret))
    await press('Turn on')
    await status(/The authenticator app is set up/)
    await look(t, page, '13-authenticator-on')
    await press('Backup codes', 'link')
    await at(page, 'Backup codes')
    await press('Make backup codes')
    await page.locator('.codes li').first().waitFor()
    backupCode = await page.locator('.codes code').first().innerText()
    await look(t, page, '14-backup-codes')
    await press('I have saved them')
    await status('Your backup codes are ready.')
    await press('Show my codes')
    await page.getByText(backupCode).waitFor()
  })

  await t.test('passkeys, linked accounts and devices', async (t) => {
    await press('Passkeys', 'link')
    await at(page, 'Passkeys')
    await look(t, page, '15-passkeys-none')
    await press('Add a passkey')
    await status('The passkey is added.')
    await look(t, page, '16-passkeys')
    await press('Linked accounts', 'link')
    await at(page, 'Linked accounts')
    await look(t, page, '17-linked')
    await press('Devices', 'link')
    await at(page, 'Devices')
    await page.getByText('This device').waitFor()
    await look(t, page, '18-devices')
  })

  await t.test('log-in with both factors, with a backup code, and with a passkey', async (t) => {
    await press('Log out')
    await status('You are logged out.')
    await look(t, page, '19-log-in')
    await type('E-mail or username', email)
    await type('Password', 'wrong')
    await press('Log in')
    await page.getByText('The e-mail or the password is not right.').waitFor()
    await look(t, page, '20-log-in-error')
    await type('Password', `${PASSWORD}!`)
    await press('Log in')
    await at(page, 'One more step')
    await look(t, page, '21-second-step')
    await type('Code', '111111')
    await press('Confirm')
    await page.getByText('This code is not right. Codes change every 30 seconds.').waitFor()
    await press('Use a backup code')
    await type('Backup code', backupCode)
    await press('Confirm')
    await status('Welcome back')
    await press('Log out')
    await status('You are logged out.')
    await press('Use a passkey')
    await at(page, 'One more step')
    await type('Code', totpCode(secret))
    await press('Confirm')
    await status('Welcome back')
  })

  await t.test('step-up in place, then the deletion that wanted it', async (t) => {
    await press('Account', 'link')
    await at(page, 'Profile')
    await press('Delete account', 'link')
    await at(page, 'Delete account')
    await look(t, page, '22-delete')
    await type(`Type ${email} to confirm`, 'no')
    await press('Delete my account')
    await page.getByText('This is not your e-mail address.').waitFor()
    await wantFreshLogin(page)
    await type(`Type ${email} to confirm`, email)
    await press('Delete my account')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Password').waitFor()
    await look(t, page, '23-step-up')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    t.equal(await focused(), 'Delete my account', 'the focus is back where it was')
    await press('Delete my account')
    await type('Password', 'wrong')
    await reach(dialog.getByRole('button', { name: 'Confirm' }))
    await page.keyboard.press('Enter')
    await dialog.getByText('The e-mail or the password is not right.').waitFor()
    await page.unroute('**/api/auth/account')
    await type('Password', `${PASSWORD}!`)
    await reach(dialog.getByRole('button', { name: 'Confirm' }))
    await page.keyboard.press('Enter')
    await status('Your account is deleted. Farewell!')
    await look(t, page, '24-farewell')
  })
}

async function walkOtherDoors (t: Test, page: Page, { page: port, codeFor }: Demo): Promise<void> {
  const base = `http://localhost:${port}`
  const { press, type } = keyboardOf(page)
  const status = (text: string | RegExp): Promise<void> => page.getByRole('status').getByText(text).waitFor()
  const confirmLater = async (): Promise<void> => {
    await at(page, 'Confirm your e-mail')
    await press('Later', 'link')
    await at(page, 'Your documents')
  }
  const logOut = async (): Promise<void> => {
    await press('Log out')
    await status('You are logged out.')
  }
  const provider = async (email: string): Promise<void> => {
    await page.getByRole('heading', { name: 'Dummy provider' }).waitFor()
    await type('Subject', email)
    await type('E-mail', email)
    await press('Sign in')
  }
  await plugInAuthenticator(page)

  await t.test('an account without a password, by the code of a mail, and a log-in by another', async (t) => {
    const email = 'code@example.test'
    await page.goto(`${base}/registration`)
    await at(page, 'Create an account')
    await type('E-mail', email)
    await press('Mail me a code')
    await page.getByRole('heading', { name: 'Check your mailbox' }).waitFor()
    await look(t, page, '30-code')
    await page.reload()
    await at(page, 'Check your mailbox')
    await page.getByText(email).waitFor()
    await type('Code', await codeFor(email, 'registration_code_valid'))
    await press('Continue')
    await page.getByRole('button', { name: 'Log out' }).waitFor()
    await logOut()
    await type('E-mail or username', email)
    await press('Mail me a code')
    await at(page, 'Check your mailbox')
    t.equal(await page.title(), 'Check your mailbox · Fernleaf')
    await page.goBack()
    await at(page, 'Welcome back')
    await page.goForward()
    await at(page, 'Check your mailbox')
    await page.getByText(email).waitFor()
    await type('Code', '000000')
    await press('Continue')
    await page.getByText('This code is not right, or was used already.').waitFor()
    await type('Code', await codeFor(email, 'login_code_valid'))
    await press('Continue')
    await status('Welcome back')
    await logOut()
  })

  await t.test('an account with a passkey', async (t) => {
    await page.goto(`${base}/registration`)
    await at(page, 'Create an account')
    await type('E-mail', 'key@example.test')
    await press('Use a passkey')
    await confirmLater()
    await logOut()
    await press('Use a passkey')
    await status('Welcome back')
    await page.goto(`${base}/settings/passkeys`)
    await at(page, 'Passkeys')
    t.equal(await page.locator('.items li').count(), 1)
    await press(/^Remove Passkey of /)
    await status('The passkey is removed.')
    await logOut()
  })

  await t.test('a forgotten password', async (t) => {
    const email = 'forgot@example.test'
    await signUp(page, base, email)
    await logOut()
    await page.goto(`${base}/recovery?flow=11111111-2222-4333-8444-555555555555&code=123456`)
    await at(page, 'Check your mailbox')
    t.equal(await page.getByLabel('Code').inputValue(), '123456', 'the code of a link is filled in')
    await press('Send another code')
    await page.getByLabel('E-mail').waitFor()
    await press('Back', 'link')
    await at(page, 'Welcome back')
    await press('Forgot password?', 'link')
    await at(page, 'Forgot your password?')
    await look(t, page, '31-recovery')
    await type('E-mail', email)
    await press('Send a code')
    await page.getByRole('heading', { name: 'Check your mailbox' }).waitFor()
    await look(t, page, '32-recovery-code')
    await type('Code', await codeFor(email, 'recovery_code_valid'))
    await press('Continue')
    await at(page, 'Password')
    await type('New password', `${PASSWORD}-new`)
    await press('Change password')
    await status('Your password is changed.')
    await logOut()
  })

  await t.test('a social login, and an account that is linked and unlinked', async (t) => {
    const email = 'social@example.test'
    await page.goto(`${base}/login`)
    await at(page, 'Welcome back')
    await press('Continue with Sample ID')
    await provider(email)
    await page.waitForURL(`${base}/**`)
    await page.getByRole('button', { name: 'Log out' }).waitFor()
    await page.goto(`${base}/settings/linked`)
    await at(page, 'Linked accounts')
    await look(t, page, '33-linked-only')
    await logOut()
    await signUp(page, base, 'links@example.test')
    await page.goto(`${base}/settings/linked`)
    await at(page, 'Linked accounts')
    await press('Link Sample ID')
    await provider('links@example.test')
    await page.waitForURL(`${base}/**`)
    await page.goto(`${base}/settings/linked`)
    await press('Unlink Sample ID')
    await status('The account is unlinked.')
    await look(t, page, '34-unlinked')
    await page.goto(`${base}/second-step`)
    await at(page, 'Your documents')
    await logOut()
  })

  await t.test('a social login whose address has an account: what it is, and it is linked by a log-in', async (t) => {
    const email = 'links@example.test'
    await press('Continue with Sample ID')
    await provider(email)
    await page.getByText(`There is an account for ${email} already. Log in to it, and Sample ID is linked.`).waitFor()
    await look(t, page, '35-links')
    t.equal(await page.getByLabel('E-mail or username').inputValue(), email)
    await type('Password', PASSWORD)
    await press('Log in')
    await status('Welcome back')
    await page.goto(`${base}/settings/linked`)
    await page.getByRole('button', { name: 'Unlink Sample ID' }).waitFor()
    await logOut()
  })

  await t.test('a browser that keeps no cookies is told so', async (t) => {
    await page.route('**/api/auth/flows/login', async (route) => {
      if (route.request().method() !== 'POST') return await route.continue()
      const response = await route.fetch()
      await page.context().clearCookies()
      const { 'set-cookie': _, ...headers } = response.headers()
      await route.fulfill({ response, headers })
    })
    await type('E-mail or username', 'links@example.test')
    await type('Password', PASSWORD)
    await press('Show')
    t.equal(await page.getByLabel('Password', { exact: true }).getAttribute('type'), 'text')
    await press('Log in')
    await page.getByRole('alert').getByText('Your browser keeps no cookies for Fernleaf').waitFor()
    await page.unroute('**/api/auth/flows/login')
  })
}

/** The same person elsewhere turns an authenticator app on: from then on each session wants its code. */
async function turnOnElsewhere (service: number, email: string, password: string): Promise<string> {
  const auth = createClient({ baseUrl: `http://localhost:${service}`, fetch: browserFetch() })
  await auth.logIn(email, password)
  const settings = await auth.form('settings')
  if (settings.kind !== 'form') throw new Error(settings.kind)
  const { secret } = settings.form.offers.totp
  const { kind } = await auth.enableTotp(totpCode(secret), { flowId: settings.form.flowId })
  if (kind !== 'done') throw new Error(kind)
  return secret
}

async function walkTrouble (t: Test, page: Page, { page: port, service, kratos, pass }: DemoInProcess): Promise<void> {
  const base = `http://localhost:${port}`
  const email = 'trouble@example.test'
  const { press, reach, type } = keyboardOf(page)
  const status = (text: string | RegExp): Promise<void> => page.getByRole('status').getByText(text).waitFor()
  await signUp(page, base, email)

  await t.test('a button that works says so, and is not pressed twice', async (t) => {
    let posts = 0
    let release = (): void => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await page.route('**/api/documents', async (route) => {
      if (route.request().method() === 'POST') {
        posts++
        await held
      }
      await route.continue()
    })
    await type('Title', 'Slow')
    await press('Add document')
    await page.locator('form[aria-busy=true]').waitFor()
    await page.keyboard.press('Enter')
    await look(t, page, '43-busy')
    release()
    await status('“Slow” is added.')
    t.equal(posts, 1)
    await page.unroute('**/api/documents')
  })

  await t.test('a Kratos without its database logs nobody out: the screen stays, and goes on', async (t) => {
    const away = await kratos.fault({ kind: 'database-away' })
    await type('Title', 'Kept')
    await press('Add document')
    await page.getByRole('alert').getByText('Nothing is lost, and you stay logged in.').waitFor()
    t.equal(await page.getByLabel('Title').inputValue(), 'Kept')
    await look(t, page, '40-outage')
    t.ok(away.calls > 0)
    await away.clear()
    await press('Try again')
    await status('“Kept” is added.')
  })

  await t.test('a Kratos that asks for time at the start of a view is no log-out, and is counted down', async (t) => {
    const busy = await kratos.fault({ kind: 'rate-limit', path: '/sessions/whoami', retryAfter: 90 })
    await press('Account', 'link')
    await at(page, 'We will be right back')
    await page.getByRole('button', { name: 'Log out' }).waitFor()
    const again = page.getByRole('button', { name: /Try again in 1:/ })
    await again.waitFor()
    t.equal(await again.getAttribute('aria-disabled'), 'true')
    await look(t, page, '41-outage-page')
    await busy.clear()
    await page.reload()
    await at(page, 'Profile')
  })

  await t.test('a login that is too old is renewed in place, and what was asked for is done', async (t) => {
    await page.goto(`${base}/settings/password`)
    await at(page, 'Password')
    pass(60 * 60 * 1000)
    await type('New password', `${PASSWORD}!`)
    await press('Change password')
    const dialog = page.getByRole('dialog')
    const entry = dialog.getByLabel('Password')
    await entry.waitFor()
    t.equal(await dialog.getByRole('heading').innerText(), 'Is it still you?')
    await dialog.getByText(email).waitFor()
    await look(t, page, '45-login-again-in-place')
    for (const [password, answered] of [
      ['wrong', () => dialog.getByText('The e-mail or the password is not right.').waitFor()],
      [PASSWORD, () => dialog.waitFor({ state: 'detached' })],
    ] as const) {
      await entry.fill(password)
      await reach(dialog.getByRole('button', { name: 'Confirm' }))
      await page.keyboard.press('Enter')
      await answered()
    }
    await status('Your password is changed.')
    pass(-60 * 60 * 1000)
  })

  let secret = ''
  await t.test('a second factor that was set up elsewhere is asked for in place', async (t) => {
    await press('Documents', 'link')
    await at(page, 'Your documents')
    secret = await turnOnElsewhere(service, email, `${PASSWORD}!`)
    await type('Title', 'Behind two doors')
    await press('Add document')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Code').waitFor()
    t.equal(await dialog.getByRole('heading').innerText(), 'One more step')
    await look(t, page, '44-second-step-in-place')
    await type('Code', '000000')
    await reach(dialog.getByRole('button', { name: 'Confirm' }))
    await page.keyboard.press('Enter')
    await dialog.getByText('This code is not right. Codes change every 30 seconds.').waitFor()
    await type('Code', totpCode(secret))
    await reach(dialog.getByRole('button', { name: 'Confirm' }))
    await page.keyboard.press('Enter')
    await dialog.waitFor({ state: 'detached' })
    await status('“Behind two doors” is added.')
  })

  await t.test('a log-out in another tab shows when this one is looked at, but takes nothing that was typed', async (t) => {
    await page.evaluate(`fetch('http://localhost:${service}/api/auth/logout', {
      method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: '{}',
    })`)
    const look = (): Promise<unknown> => page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await type('Title', 'Half')
    await look()
    t.equal(await page.getByLabel('Title').inputValue(), 'Half')
    await type('Title', ' ')
    await page.keyboard.press('Backspace')
    await look()
    await page.getByRole('link', { name: 'Log in' }).first().waitFor()
  })

  await t.test('too many tries say so, and how long to wait', async (t) => {
    await page.goto(`${base}/login`)
    await at(page, 'Welcome back')
    await type('E-mail or username', email)
    const tooMany = page.getByRole('alert').getByText('That was a bit often.')
    const refused = page.getByText('The e-mail or the password is not right.')
    // Ten at once; a few more on a machine that is so slow that some come back meanwhile.
    for (let tries = 0; tries < 25 && await tooMany.count() === 0; tries++) {
      await type('Password', `wrong-${tries}`)
      const answered = page.waitForResponse((answer) =>
        answer.request().method() === 'POST' && answer.url().endsWith('/api/auth/flows/login'))
      await press('Log in')
      await answered
      await page.locator('form[aria-busy=true]').waitFor({ state: 'detached' })
      await tooMany.or(refused).first().waitFor()
    }
    await tooMany.waitFor()
    await page.getByRole('button', { name: /^Try again( in 0:\d\d)?$/ }).waitFor()
    await look(t, page, '42-too-many')
  })
}

export default async function (t: Test): Promise<void> {
  t.test('the demo in a browser', {
    skip: !isBrowserPlatform && 'no Chromium in npm for this platform',
  }, async (t) => {
    const browser = await startBrowser(t)
    if (browser === undefined) {
      t.pass('not tried: Chromium lacks a system library here', { skip: true })
      return
    }
    const demo = await startDemo(t)
    // Whoever logs in as often as this from one address has to wait, so the rest has a service of its own.
    const other = await startDemo(t)

    await t.test('the whole account area, by keyboard alone, at both widths and in both themes', async (t) =>
      walkAll(t, await openPage(t, browser), demo))
    await t.test('the other ways in, by keyboard alone', async (t) =>
      walkOtherDoors(t, await openPage(t, browser), other))
    await t.test('trouble', async (t) => walkTrouble(t, await openPage(t, browser), await startDemoInProcess(t)))

    await t.test('works from another origin on 127.0.0.1, and no script sees the session', async (t) => {
      const page = await openPage(t, browser)
      await signUp(page, `http://127.0.0.1:${other.page}`, 'address@example.test')
      const [cookie] = await page.context().cookies(`http://127.0.0.1:${other.service}`)
      t.match(cookie, { name: 'ory_kratos_session', httpOnly: true, sameSite: 'Lax', domain: '127.0.0.1' })
      t.equal(await page.evaluate('document.cookie'), '')
    })

    await t.test('a page of another site cannot log anybody out or write (C02, C06, C11)', async (t) => {
      const page = await openPage(t, browser)
      await signUp(page, `http://localhost:${other.page}`, 'victim@example.test')
      // 127.0.0.1 is another site than localhost: the demo there plays the attacker.
      await page.goto(`http://127.0.0.1:${other.page}/error`)
      await page.evaluate(`(async () => {
      const send = (path, body) => fetch('http://localhost:${other.service}' + path, { method: 'POST', mode: 'no-cors', credentials: 'include', body }).catch(() => {})
      await send('/api/auth/logout', '{}')
      await send('/api/documents', JSON.stringify({ title: 'evil', content: '' }))
    })()`)
      await page.goto(`http://localhost:${other.page}/`)
      await at(page, 'Your documents')
      t.equal(await page.locator('.items li').count(), 0)
    })
  })
}
