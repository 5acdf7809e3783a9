import type { Flow } from '../../flow/flow.js'
import { readForm, validateForm } from '../../flow/form.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { writeError } from '../../flow/answers.js'
import { identifierLabel } from '../../flows/login/identifier-label.js'
import { redirect, type Answer } from '../../http/answer.js'
import { csrfToken } from '../../http/csrf.js'
import { browserLocationChangeRequired } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import type { Credential, Identity } from '../../identity/identity.js'
import { formError } from '../../identity/validation.js'
import type { JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import { resetNodes, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, inputNode } from '../../ui/node.js'
import { answered, done, ensureEnabled, NOT_RESPONSIBLE, type LoginMethod } from '../method.js'
import { ceremonyOf, forgetCeremony, rememberCeremony } from '../webauthn/ceremony.js'
import { countPasskeys, keysOf, webId } from '../webauthn/credential.js'
import { knownKeyQuestion } from '../webauthn/options.js'
import { relyingParty } from '../webauthn/relying-party.js'
import { scriptNode } from '../webauthn/script.js'
import { readLogin, verifyLogin } from '../webauthn/verification.js'
import { displayName } from './display-name.js'
import { answerNode, offeringNode, optionsNode, signInNode } from './nodes.js'

const FORM: JsonObject = {
  properties: { csrf_token: { type: 'string' }, method: { type: 'string' }, passkey_login: { type: 'string' } },
}

export const login: LoginMethod = {
  populate: (ex, flow, page) => {
    switch (page.kind) {
      case 'first-factor':
        offerPasskeys(ex, flow)
        flow.ui.nodes.push(signInNode(flow))
        return
      case 'identifier':
        offerPasskeys(ex, flow)
        return
      case 'credentials':
        if (hasPasskeys(page.identity) || ex.kratos.config.security.account_enumeration.mitigate) {
          flow.ui.nodes.push(signInNode(flow))
        }
        return
      case 'refresh':
        askAgain(ex, flow, page.session.identity)
    }
  },

  /** Passkeys read every body. So a GET that no earlier method accepted is refused here (recording 14). */
  submit: async (ex, flow) => {
    try {
      const form = readForm(ex, FORM)
      validateForm(form, FORM)
      const answer = String(form['passkey_login'] ?? '')
      if (answer === '' && form['method'] !== 'passkey') return NOT_RESPONSIBLE
      ensureEnabled(ex.kratos, 'passkey')
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      if (flow.requestedAal !== 'aal1') return NOT_RESPONSIBLE
      if (answer === '') return answered(toPage(ex, flow))
      const identity = await ownerOf(ex.kratos, flow, answer)
      forgetCeremony(flow, 'passkey')
      flow.active = 'passkey'
      saveFlow(ex.kratos, flow)
      return done({ identity, method: { method: 'passkey', aal: 'aal1' as const } })
    } catch (error) {
      resetNodes(flow.ui, 'passkey_login')
      if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
      throw error
    }
  },
}

const hasPasskeys = (identity: Identity | undefined): boolean => {
  const credential = identity?.credentials['passkey']
  return credential !== undefined && countPasskeys(credential) > 0
}

/** Any passkey of this site, also while the identifier is typed. */
function offerPasskeys (ex: Exchange, flow: Flow): void {
  const { kratos } = ex
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  const { options, ceremony } = knownKeyQuestion(relyingParty(kratos, 'passkey'))
  rememberCeremony(flow, 'passkey', ceremony)
  upsertNode(
    flow.ui,
    inputNode('default', 'identifier', 'text', {
      value: '',
      required: true,
      autocomplete: 'username webauthn',
      label: identifierLabel(kratos.schemas.get(flow.identitySchema)),
    }),
  )
  upsertNode(flow.ui, optionsNode('passkey_challenge', options))
  if (flow.type === 'browser') upsertNode(flow.ui, scriptNode(kratos))
  upsertNode(flow.ui, offeringNode(flow))
}

/** One of the passkeys of who is logged in. */
function askAgain (ex: Exchange, flow: Flow, identity: Identity): void {
  const { kratos } = ex
  const credential = identity.credentials['passkey']
  const keys = keysOf(credential)
  if (keys.length === 0 || (credential?.identifiers ?? []).length === 0) return
  const { options, ceremony } = knownKeyQuestion(relyingParty(kratos, 'passkey'), keys.map(webId))
  rememberCeremony(flow, 'passkey', ceremony)
  upsertNode(flow.ui, optionsNode('passkey_challenge', options))
  if (flow.type === 'browser') flow.ui.nodes.push(scriptNode(kratos))
  upsertNode(flow.ui, answerNode('passkey_login'))
  flow.ui.nodes.push(signInNode(flow))
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  const name = displayName(identity, kratos.schemas.get(identity.schemaId))
  upsertNode(flow.ui, inputNode('default', 'identifier', 'hidden', { value: name }))
}

/** Without a key the browser is sent back to the page, whose form asks for one. */
function toPage (ex: Exchange, flow: Flow): Answer {
  const url = uiUrl(ex.kratos, flow)
  return isJsonRequest(ex) ? writeError(ex, browserLocationChangeRequired(url)) : redirect(ex.method, 303, url)
}

/** @throws FormError 4000015 for an unknown user handle, 4000008 for a wrong key */
async function ownerOf (kratos: Kratos, flow: Flow, text: string): Promise<Identity> {
  const answer = readLogin(text)
  const ceremony = ceremonyOf(flow, 'passkey')
  const handle = Buffer.from(String(answer.response['userHandle'] ?? ''), 'base64url')
  const { identity, credential } = holderOf(kratos, handle) ?? {}
  if (identity === undefined) throw formError(MESSAGES.noSecurityKey())
  const keys = keysOf(credential).filter(({ is_passwordless: isFirst }) => isFirst)
  await verifyLogin(relyingParty(kratos, 'passkey'), ceremony, answer, keys)
  return identity
}

/** Security keys that are a first factor can be used as passkeys too. */
function holderOf (
  { store }: Kratos,
  handle: Buffer,
): { identity: Identity, credential: Credential | undefined } | undefined {
  const owner = store.identities.byIdentifier('passkey', handle.toString())
  if (owner !== undefined) return { identity: owner, credential: owner.credentials['passkey'] }
  const other = store.identities.byUserHandle(handle.toString('base64'))
  return other === undefined ? undefined : { identity: other, credential: other.credentials['webauthn'] }
}
