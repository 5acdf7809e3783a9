import { createHash } from 'node:crypto'
import { publicUrl } from '../../http/exchange.js'
import { route, type Route } from '../../http/router.js'
import type { Kratos } from '../../kratos.js'
import { newId } from '../../random.js'
import type { UiNode } from '../../ui/node.js'

const PATH = '/.well-known/ory/webauthn.js'

/**
 * What forms with keys load. Pages call the functions by the names in the nodes; the names with underscores are those
 * of older pages. Each reads its options from the form, asks the browser for a key, and sends the form.
 */
const SCRIPT = `(function () {
  if (window.__oryWebAuthnInitialized || !window.PublicKeyCredential) return

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0))
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\\+/g, '-').replace(/\\//g, '_').replace(/=+$/, '')
  const field = (name) => document.getElementsByName(name)[0]
  const withIds = (keys) => keys && keys.map((key) => ({ ...key, id: bytes(key.id) }))

  const decoded = (options) => ({
    ...options,
    challenge: bytes(options.challenge),
    ...(options.user && { user: { ...options.user, id: bytes(options.user.id) } }),
    ...(options.allowCredentials && { allowCredentials: withIds(options.allowCredentials) }),
    ...(options.excludeCredentials && { excludeCredentials: withIds(options.excludeCredentials) })
  })

  const PARTS = ['attestationObject', 'authenticatorData', 'clientDataJSON', 'signature', 'userHandle']
  const encoded = ({ id, rawId, type, response }) => JSON.stringify({
    id,
    rawId: text(rawId),
    type,
    response: Object.fromEntries(PARTS.filter((part) => response[part]).map((part) => [part, text(response[part])]))
  })

  const send = (target, credential) => {
    target.value = encoded(credential)
    target.closest('form').submit()
  }
  const create = async (target, { publicKey }) =>
    send(target, await navigator.credentials.create({ publicKey: decoded(publicKey) }))
  const get = async (target, { publicKey }, more) =>
    send(target, await navigator.credentials.get({ publicKey: decoded(publicKey), ...more }))

  // A passkey offered while typing holds the only request that a browser allows at a time.
  let offered
  const stopOffer = () => {
    if (offered) offered.abort('Another request for a passkey begins.')
    offered = undefined
  }

  const failed = (error) => console.error('[passkeys]', error)

  const securityKey = (use, kind) => (
    options,
    target = '*[name="webauthn_' + kind + '"]',
    trigger = '*[name="webauthn_' + kind + '_trigger"]'
  ) => use(document.querySelector(target), options || JSON.parse(document.querySelector(trigger).value))
    .catch((error) => alert(error))

  const passkey = (names, use) => async () => {
    const fields = names.map(field)
    if (fields.includes(undefined)) return failed('the form lacks one of ' + names.join(', '))
    try {
      await use(...fields)
    } catch (error) {
      failed(error)
    }
  }

  const offer = passkey(['passkey_challenge', 'passkey_login', 'identifier'], async (data, target) => {
    const isOffered = PublicKeyCredential.isConditionalMediationAvailable
    if (!isOffered || window.Cypress || !await isOffered.call(PublicKeyCredential)) return
    stopOffer()
    offered = new AbortController()
    await get(target, JSON.parse(data.value), { mediation: 'conditional', signal: offered.signal })
  })

  const actions = {
    WebAuthnLogin: securityKey(get, 'login'),
    WebAuthnRegistration: securityKey(create, 'register'),
    PasskeyLoginAutocompleteInit: offer,
    PasskeyLogin: async () => {
      const login = passkey(['passkey_challenge', 'passkey_login'], async (data, target) => {
        stopOffer()
        try {
          await get(target, JSON.parse(data.value))
        } catch (error) {
          failed(error)
          if (field('identifier')) offer()
        }
      })
      await login()
    },
    PasskeyRegistration: passkey(['passkey_create_data', 'passkey_register'], async (data, target) => {
      const { credentialOptions, displayNameFieldName } = JSON.parse(data.value)
      const name = data.closest('form').querySelector('[name="' + displayNameFieldName + '"]').value
      Object.assign(credentialOptions.publicKey.user, { name, displayName: name })
      await create(target, credentialOptions)
    }),
    PasskeySettingsRegistration: passkey(
      ['passkey_create_data', 'passkey_settings_register'],
      async (data, target) => await create(target, JSON.parse(data.value))
    )
  }
  for (const [name, action] of Object.entries(actions)) window['ory' + name] = window['__ory' + name] = action

  window.__oryWebAuthnInitialized = true
  window.dispatchEvent(new CustomEvent('oryWebAuthnInitialized'))
})()
`

const INTEGRITY = `sha512-${createHash('sha512').update(SCRIPT).digest('base64')}`

export const scriptNode = (kratos: Kratos): UiNode => ({
  type: 'script',
  group: 'webauthn',
  attributes: {
    src: publicUrl(kratos, PATH),
    async: true,
    referrerpolicy: 'no-referrer',
    crossorigin: 'anonymous',
    integrity: INTEGRITY,
    type: 'text/javascript',
    id: 'webauthn_script',
    nonce: newId(),
    node_type: 'script',
  },
  messages: [],
  meta: {},
})

export const scriptRoutes: Route[] = [
  route('GET', PATH, () => ({
    status: 200,
    headers: { 'Content-Type': 'text/javascript; charset=UTF-8' },
    body: SCRIPT,
  })),
]
