import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import * as client from '../../src/client/client.js'
import { browserFetch } from '../support/browser-fetch.js'
import { sessionOf } from '../../src/http/request-auth.js'
import { construct } from '../support/app.js'
import { freshEmail, PASSWORD, startKratos } from '../support/kratos.js'
import { ROOT } from '../support/process.js'
import { plugInPasskey } from '../support/passkey-browser.js'
import { totpCode } from '../support/totp.js'

const PAGE = 'http://localhost:3001'

/** What the page says that Kratos needs. */
const METHODS = {
  code: { passwordless_enabled: true },
  passkey: { enabled: true, config: { rp: { id: 'localhost', display_name: 'Page', origins: [PAGE] } } },
}

const AsyncFunction = (async () => {}).constructor as new (...parts: string[]) => (...given: unknown[]) => Promise<void>

/** The blocks of docs/screens.md as one program; each heading marks what it is about to do. */
function programOf (page: string): string {
  const parts = page.split(/^## /m).map((section, index) => {
    const code = [...section.matchAll(/^```js\n([^]*?)^```/gm)].map(([, block]) => block).join('\n')
    return `begin(${JSON.stringify(index === 0 ? 'client' : section.split('\n')[0])})\n${code}`
  })
  return parts.join('\n').replace(/^import (.*) from 'fastify-kratos\/client'$/m, 'const $1 = given')
}

export default async function (t: Test): Promise<void> {
  t.test('docs/screens.md: every recipe does what it says', async (t) => {
    const kratos = await startKratos(t, { oidcProvider: true, overrides: { selfservice: { methods: METHODS } } })
    const { app } = await construct(t, { KRATOS_PUBLIC_URL: kratos.publicUrl, KRATOS_ADMIN_URL: kratos.adminUrl })
    app.get('/me', { config: { auth: true } }, async (request) => sessionOf(request).identity.traits)
    plugInPasskey(t, PAGE)
    const baseUrl = await app.listen({ port: 0, host: '127.0.0.1' })
    const seen: Array<[section: string, what: unknown]> = []
    let section = ''
    const typed: Record<string, string> = {
      email: freshEmail(),
      other_email: freshEmail(),
      first_name: 'Ada',
      password: PASSWORD,
    }
    let passwords = 1
    const page = readFileSync(join(ROOT, 'docs/screens.md'), 'utf8').replace("'google'", "'dummy'")
    const given = {
      baseUrl,
      given: {
        createClient: (options: client.ClientOptions) => client.createClient({ ...options, fetch: browserFetch() }),
      },
      begin: (name: string) => {
        section = name
      },
      field: (name: string) => name === 'new_password' ? `${PASSWORD}-${++passwords}` : typed[name],
      show: (what: { errors?: client.FormError[], text?: string }) =>
        seen.push([section, what.errors?.map(({ code }) => code) ?? what.text ?? what]),
      go: (view: string) => seen.push([section, view]),
      mailed: (email: string) => Promise.resolve(kratos.messages(email)[0]?.code),
      authenticator: totpCode,
    }
    await new AsyncFunction(...Object.keys(given), programOf(page))(
      ...Object.values(given),
    )
    t.same(seen, [
      ['Who is here', 'log-in'],
      ['Sign up, and confirm the address', ['password_too_short']],
      ['Sign up, and confirm the address', 'done'],
      ['Show what a person has typed wrong', 'Bitte ein längeres Passwort'],
      ['Set up a second factor', 'done'],
      ['Log out, log in again', 'log-in'],
      ['Log out, log in again', 'done'],
      ['Ask once more, in place', 'ok'],
      ['Change the profile or the password', 'done'],
      ['Change the profile or the password', 'done'],
      ['Passkeys', 'done'],
      ['Passkeys', 'unnamed'],
      ['Passkeys', 'done'],
      ['A code by mail instead of a password', []],
      ['A code by mail instead of a password', 'done'],
      ['A code by mail instead of a password', []],
      ['A code by mail instead of a password', 'done'],
      ['Forgot the password', 'done'],
      ['Forgot the password', 'done'],
      ['Log in with a provider', 'redirect'],
      ['Log in with a provider', 'Dummy'],
    ])
  })
}
