import { writeError } from '../../flow/answers.js'
import type { Flow } from '../../flow/flow.js'
import { readForm, validateForm } from '../../flow/form.js'
import { saveFlow, uiUrl } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { identifierLabel } from '../../flows/login/identifier-label.js'
import { redirect, type Answer } from '../../http/answer.js'
import { csrfToken } from '../../http/csrf.js'
import { badRequest, browserLocationChangeRequired } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { isJsonRequest } from '../../http/negotiation.js'
import type { Identity } from '../../identity/identity.js'
import { formError } from '../../identity/validation.js'
import { asObject, type JsonObject } from '../../json.js'
import type { Session } from '../../session/session.js'
import { upsertNode } from '../../ui/container.js'
import { MESSAGES, type UiMessage } from '../../ui/message.js'
import { csrfNode, inputNode } from '../../ui/node.js'
import {
  answered,
  done,
  ensureEnabled,
  NOT_RESPONSIBLE,
  type LoginMethod,
  type Outcome,
  type ProvenIdentity,
} from '../method.js'
import { ceremonyOf, forgetCeremony, rememberCeremony } from './ceremony.js'
import { countFirstKeys, keysOf, userHandleOf, webId, type StoredKey } from './credential.js'
import { loginAnswerNode, loginNode, startNode } from './nodes.js'
import { knownKeyQuestion } from './options.js'
import { isPasswordless, relyingParty } from './relying-party.js'
import { scriptNode } from './script.js'
import { readLogin, verifyLogin } from './verification.js'

const FORM: JsonObject = {
  type: 'object',
  properties: {
    csrf_token: { type: 'string' },
    webauthn_login: { type: 'string' },
    method: { type: 'string' },
    identifier: { type: 'string', minLength: 1 },
    transient_payload: { type: 'object' },
  },
  if: { anyOf: [{ properties: { method: { const: 'webauthn' } }, required: ['method'] }, { required: ['webauthn_login'] }] },
  then: { required: ['identifier'] },
}

export const login: LoginMethod = {
  populate: (ex, flow, page) => {
    if (flow.type !== 'browser') return
    const { kratos } = ex
    switch (page.kind) {
      case 'refresh':
        askAgain(ex, flow, page.session.identity)
        return
      case 'second-factor':
        if (flow.refresh) askAgain(ex, flow, page.session.identity)
        else if (!isPasswordless(kratos)) ask(ex, flow, page.session.identity, 'aal2', MESSAGES.useSecurityKey())
        return
      case 'first-factor':
        if (isPasswordless(kratos)) offer(ex, flow)
        return
      case 'credentials':
        if (!isPasswordless(kratos)) return
        if (hasFirstKeys(page.identity) || kratos.config.security.account_enumeration.mitigate) start(ex, flow)
    }
  },

  /** Reads every submit of a browser that no earlier method accepted (tried on v26.2.0). */
  submit: async (ex, flow, session) => {
    if (flow.type !== 'browser') return NOT_RESPONSIBLE
    try {
      const form = readForm(ex, FORM)
      validateForm(form, FORM)
      flow.transientPayload = asObject(form['transient_payload'])
      if (form['webauthn_login'] === undefined && form['method'] !== 'webauthn') return NOT_RESPONSIBLE
      ensureEnabled(ex.kratos, 'webauthn')
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      const isFirst = isPasswordless(ex.kratos) || (flow.refresh && flow.requestedAal === 'aal1')
      if (flow.requestedAal !== (isFirst ? 'aal1' : 'aal2')) return NOT_RESPONSIBLE
      if (isFirst) return await firstFactor(ex, flow, form)
      return session === undefined ? NOT_RESPONSIBLE : await proven(ex, flow, session.identity, form)
    } catch (error) {
      upsertNode(flow.ui, csrfNode(csrfToken(ex)))
      throw error
    }
  },
}

const hasFirstKeys = (identity: Identity | undefined): boolean => {
  const credential = identity?.credentials['webauthn']
  return credential !== undefined && countFirstKeys(credential) > 0
}

function start (ex: Exchange, flow: Flow): void {
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  flow.ui.nodes.push(startNode())
}

function offer (ex: Exchange, flow: Flow): void {
  upsertNode(
    flow.ui,
    inputNode('default', 'identifier', 'text', {
      value: '',
      required: true,
      autocomplete: 'username webauthn',
      label: identifierLabel(ex.kratos.schemas.get(flow.identitySchema)),
    }),
  )
  start(ex, flow)
}

/** The keys that count for a level. */
const keysFor = (identity: Identity, aal: Session['aal']): StoredKey[] =>
  keysOf(identity.credentials['webauthn']).filter(({ is_passwordless: isFirst }) => isFirst === (aal === 'aal1'))

/** Asks for one of the identity's keys. @returns false when it has none */
function ask (ex: Exchange, flow: Flow, identity: Identity, aal: 'aal1' | 'aal2', label: UiMessage): boolean {
  const keys = keysFor(identity, aal)
  if (keys.length === 0) return false
  const { options, ceremony } = knownKeyQuestion(relyingParty(ex.kratos, 'webauthn'), keys.map(webId))
  rememberCeremony(flow, 'webauthn', ceremony)
  const identifier = identity.credentials['webauthn']?.identifiers[0]
  if (identifier !== undefined) {
    upsertNode(flow.ui, inputNode('default', 'identifier', 'hidden', { value: identifier }))
  }
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  upsertNode(flow.ui, scriptNode(ex.kratos))
  upsertNode(flow.ui, loginNode(options, label))
  upsertNode(flow.ui, loginAnswerNode())
  return true
}

function askAgain (ex: Exchange, flow: Flow, identity: Identity): void {
  if ((identity.credentials['webauthn']?.identifiers ?? []).length === 0) return
  ask(ex, flow, identity, flow.requestedAal, MESSAGES.useSecurityKey())
}

async function firstFactor (ex: Exchange, flow: Flow, form: JsonObject): Promise<Outcome<ProvenIdentity>> {
  const identifier = String(form['identifier'] ?? '')
  if (identifier === '') throw badRequest('identifier is required')
  const identity = ex.kratos.store.identities.byIdentifier('webauthn', identifier)
  if (identity === undefined) throw formError(MESSAGES.noSecurityKey())
  if (form['webauthn_login'] === undefined) return answered(toKey(ex, flow, identity, identifier))
  return await proven(ex, flow, identity, form)
}

/** The form now asks for the key of this identifier, and for nothing else. */
function toKey (ex: Exchange, flow: Flow, identity: Identity, identifier: string): Answer {
  const { nodes } = flow.ui
  flow.ui.nodes = []
  if (!ask(ex, flow, identity, 'aal1', MESSAGES.continueLogin())) {
    flow.ui.nodes = nodes
    throw formError(MESSAGES.noSecurityKey())
  }
  flow.ui.messages.push(MESSAGES.prepareSecurityKey())
  upsertNode(flow.ui, inputNode('default', 'identifier', 'hidden', { value: identifier, required: true }))
  saveFlow(ex.kratos, flow)
  const url = uiUrl(ex.kratos, flow)
  return isJsonRequest(ex) ? writeError(ex, browserLocationChangeRequired(url)) : redirect(ex.method, 303, url)
}

/** @throws FormError 4000008 for a wrong key */
async function proven (
  { kratos }: Exchange,
  flow: Flow,
  identity: Identity,
  form: JsonObject,
): Promise<Outcome<ProvenIdentity>> {
  const credential = identity.credentials['webauthn']
  if (credential === undefined) throw formError(MESSAGES.noSecurityKeyRegistered())
  const answer = readLogin(String(form['webauthn_login'] ?? ''))
  const ceremony = ceremonyOf(flow, 'webauthn')
  const keys = flow.refresh ? keysOf(credential) : keysFor(identity, flow.requestedAal)
  const handle = Buffer.from(String(answer.response['userHandle'] ?? ''), 'base64url').toString('base64')
  if (handle !== '' && handle !== userHandleOf(credential)) throw formError(MESSAGES.totpWrong())
  await verifyLogin(relyingParty(kratos, 'webauthn'), ceremony, answer, keys)
  forgetCeremony(flow, 'webauthn')
  flow.active = 'webauthn'
  saveFlow(kratos, flow)
  return done({ identity, method: { method: 'webauthn', aal: isPasswordless(kratos) ? 'aal1' as const : 'aal2' } })
}
