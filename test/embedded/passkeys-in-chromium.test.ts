import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { startEmbeddedKratos } from '../../kratos/embedded/index.js'
import type { JsonObject } from '../../kratos/embedded/json.js'
import { freePorts } from '../support/process.js'
import { testInBrowser } from '../support/browser.js'
import { startPage } from './passkeys/page.js'

/**
 * The same script runs before a real Kratos with the configuration and schema below, when its URL is given (its host
 * must be `localhost`), and the port of the page that it is configured with.
 */
const REAL_URL = process.env['KRATOS_PASSKEYS_URL']
const PAGE_PORT = Number(process.env['KRATOS_PASSKEYS_PAGE_PORT'] ?? 0)

const schema = {
  $id: 'https://example.test/person.json',
  type: 'object',
  properties: {
    traits: {
      type: 'object',
      properties: {
        email: {
          type: 'string',
          format: 'email',
          title: 'E-Mail',
          'ory.sh/kratos': { credentials: { webauthn: { identifier: true }, passkey: { display_name: true } } },
        },
      },
    },
  },
}

function configFor (page: string): JsonObject {
  const rp = { id: 'localhost', display_name: 'Example', origins: [page] }
  const hooks = { hooks: [{ hook: 'session' }] }
  const ui = (flow: string): JsonObject => ({ ui_url: `${page}/${flow}` })
  return {
    // The script has a checksum, which browsers check for another origin only with CORS.
    serve: { public: { cors: { enabled: true, allowed_origins: [page] } } },
    selfservice: {
      default_browser_return_url: `${page}/`,
      methods: {
        passkey: { enabled: true, config: { rp } },
        webauthn: { enabled: true, config: { passwordless: true, rp } },
      },
      flows: {
        registration: { ...ui('registration'), style: 'unified', after: { passkey: hooks, webauthn: hooks } },
        login: ui('login'),
        settings: ui('settings'),
        error: ui('error'),
      },
    },
    secrets: { cookie: ['a-cookie-secret-for-tests'] },
  }
}

async function start (t: Test): Promise<{ publicUrl: string, home: string }> {
  const [port = 0, pagePort = 0] = await freePorts(2)
  const publicUrl = REAL_URL ?? `http://localhost:${port}`
  const home = await startPage(t, publicUrl, PAGE_PORT === 0 ? pagePort : PAGE_PORT)
  if (REAL_URL === undefined) {
    const config = configFor(home)
    const kratos = await startEmbeddedKratos({ schema, config, dev: true, publicPort: port, baseUrl: publicUrl })
    t.teardown(async () => await kratos.close())
  }
  return { publicUrl, home }
}

/** Gives a page an authenticator of its own. @returns sets whether its user proves who it is */
async function plugIn (page: Page): Promise<(isVerified: boolean) => Promise<void>> {
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable', { enableUI: false })
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return async (isVerified) => {
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: isVerified })
  }
}

/** Keeps the names of the errors with which the browser refuses keys. */
const NOTE_REFUSALS = `
  const { get } = CredentialsContainer.prototype
  window.refusals = []
  CredentialsContainer.prototype.get = function (options) {
    const answer = get.call(this, options)
    if (options.mediation !== 'conditional') answer.catch(({ name }) => window.refusals.push(name))
    return answer
  }
`

export default async function (t: Test): Promise<void> {
  testInBrowser(t, 'keys in Chromium', async (t, browser) => {
    const context = await browser.newContext()
    context.setDefaultTimeout(120_000)
    const { publicUrl, home } = await start(t)
    const open = async (page: Page, flow: string, query = ''): Promise<void> => {
      await page.goto(`${publicUrl}/self-service/${flow}/browser${query}`)
      await page.waitForFunction('window.__oryWebAuthnInitialized === true || document.querySelector("script") === null')
    }
    const methods = async (page: Page): Promise<string> => {
      await page.goto(`${home}/`)
      return await page.locator('pre').innerText()
    }
    const logOut = async (): Promise<void> => await context.clearCookies()
    const unique = (name: string): string => `${name}-${Date.now()}@example.test`

    await t.test('a passkey signs up, logs in, confirms, and is joined by another', async (t) => {
      const page = await context.newPage()
      await plugIn(page)
      await open(page, 'registration')
      await page.getByPlaceholder('E-Mail').fill(unique('passkey'))
      await page.getByRole('button', { name: 'Sign up with passkey' }).click()
      await page.waitForURL(`${home}/`)
      t.equal(await methods(page), 'passkey aal1')

      await logOut()
      await open(page, 'login')
      await page.getByRole('button', { name: 'Sign in with passkey' }).click()
      await page.waitForURL(`${home}/`)
      await open(page, 'login', '?refresh=true')
      await page.getByRole('button', { name: 'Sign in with passkey' }).click()
      await page.waitForURL(`${home}/`)
      t.equal(await methods(page), 'passkey aal1, passkey aal1')

      await open(page, 'settings')
      t.equal(await page.getByRole('button', { name: 'Remove passkey' }).isDisabled(), true, 'the last one stays')
      // The first authenticator would refuse a second key for the same site.
      const other = await context.newPage()
      await plugIn(other)
      await open(other, 'settings')
      await other.getByRole('button', { name: 'Add passkey' }).click()
      await other.getByText('Your changes have been saved!').waitFor()
      t.equal(await other.getByRole('button', { name: 'Remove passkey' }).count(), 2)
      await logOut()
      await Promise.all([page.close(), other.close()])
    })

    await t.test('a passkey of someone else, or without its user, logs nobody in', async (t) => {
      const page = await context.newPage()
      const setVerified = await plugIn(page)
      await page.addInitScript(NOTE_REFUSALS)
      await open(page, 'login')
      for (const isVerified of [false, true]) {
        await setVerified(isVerified)
        await page.getByRole('button', { name: 'Sign in with passkey' }).click()
        await page.waitForFunction('window.refusals.length > 0')
        t.strictSame(await page.evaluate('window.refusals.splice(0)'), ['NotAllowedError'])
      }
      t.equal(await methods(page), '')
      await page.close()
    })

    await t.test('a security key signs up, then logs in after the identifier', async (t) => {
      const page = await context.newPage()
      await plugIn(page)
      const email = unique('key')
      await open(page, 'registration')
      await page.getByPlaceholder('E-Mail').fill(email)
      await page.getByPlaceholder('Name of the security key').fill('blue key')
      await page.getByRole('button', { name: 'Sign up with security key' }).click()
      await page.waitForURL(`${home}/`)
      t.equal(await methods(page), 'webauthn aal1')

      await logOut()
      await open(page, 'login')
      await page.getByPlaceholder('E-Mail').fill(email)
      await page.getByRole('button', { name: 'Sign in with hardware key' }).click()
      await page.getByText('Prepare your WebAuthn device').waitFor()
      await page.getByRole('button', { name: 'Continue' }).click()
      await page.waitForURL(`${home}/`)
      t.equal(await methods(page), 'webauthn aal1')
      await open(page, 'settings')
      t.equal(await page.getByRole('button', { name: 'Remove security key "blue key"' }).isDisabled(), true)
      await logOut()
      await page.close()
    })
  })
}
