import { readForm, submittedMethod, validateForm } from '../../flow/form.js'
import { saveFlow } from '../../flow/lifecycle.js'
import { ensureCsrf } from '../../flow/submission.js'
import { identifierLabel } from '../../flows/login/identifier-label.js'
import type { Flow } from '../../flow/flow.js'
import { csrfToken } from '../../http/csrf.js'
import { methodDisabled, misconfigured } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import { setCredential, type Identity } from '../../identity/identity.js'
import { formError, FormError } from '../../identity/validation.js'
import { asObject, type JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import { findNode, resetNodes, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, inputNode, setNodeValue } from '../../ui/node.js'
import { done, NOT_RESPONSIBLE, type LoginMethod } from '../method.js'
import { hasPassword } from './credential.js'
import { hashPassword, isForeign, isPassword, pretendToCompare } from './hashing.js'
import { passwordNode, submitNode } from './nodes.js'

const text = { type: 'string', minLength: 1 }

const FORM: JsonObject = {
  type: 'object',
  properties: {
    csrf_token: { type: 'string' },
    password: text,
    identifier: text,
    password_identifier: text,
    method: { type: 'string' },
    transient_payload: { type: 'object' },
  },
  required: ['password'],
  if: { required: ['password_identifier'] },
  else: { required: ['identifier'] },
}

export const login: LoginMethod = {
  populate: (ex, flow, page) => {
    const credential = page.kind === 'refresh'
      ? page.session.identity.credentials['password']
      : page.kind === 'credentials'
        ? page.identity?.credentials['password']
        : undefined
    switch (page.kind) {
      case 'first-factor':
        upsertNode(
          flow.ui,
          inputNode('default', 'identifier', 'text', {
            value: '',
            required: true,
            label: identifierLabel(ex.kratos.schemas.get(flow.identitySchema)),
          }),
        )
        addPassword(ex, flow, 'signInWithPassword')
        return
      case 'refresh':
        if (!hasPassword(credential)) return
        upsertNode(flow.ui, inputNode('default', 'identifier', 'hidden', { value: credential?.identifiers[0] }))
        addPassword(ex, flow, 'signIn')
        return
      case 'credentials':
        if (hasPassword(credential) || ex.kratos.config.security.account_enumeration.mitigate) {
          addPassword(ex, flow, 'signInWithPassword')
        }
    }
  },

  submit: async (ex, flow) => {
    if (flow.requestedAal !== 'aal1' || submittedMethod(ex) !== 'password') return NOT_RESPONSIBLE
    if (ex.kratos.config.selfservice.methods['password']?.enabled !== true) throw methodDisabled()
    let form: JsonObject = {}
    try {
      form = readForm(ex, FORM)
      validateForm(form, FORM)
      flow.transientPayload = asObject(form['transient_payload'])
      ensureCsrf(ex, flow, form['csrf_token'] as string | undefined)
      const identity = await ownerOf(ex, identifierOf(form), String(form['password']))
      flow.active = 'password'
      saveFlow(ex.kratos, flow)
      return done({ identity, method: { method: 'password', aal: 'aal1' as const } })
    } catch (error) {
      resetNodes(flow.ui, 'password')
      const node = findNode(flow.ui, 'identifier')
      if (node !== undefined) setNodeValue(node, identifierOf(form))
      if (flow.type === 'browser') upsertNode(flow.ui, csrfNode(csrfToken(ex)))
      throw error
    }
  },
}

const identifierOf = (form: JsonObject): string => String(form['identifier'] ?? form['password_identifier'] ?? '')

function addPassword (ex: Exchange, flow: Flow, label: 'signIn' | 'signInWithPassword'): void {
  upsertNode(flow.ui, csrfNode(csrfToken(ex)))
  upsertNode(flow.ui, passwordNode('current-password'))
  flow.ui.nodes.push(submitNode(MESSAGES[label]()))
}

/** @throws FormError 4000006, with the same message and timing for an unknown identifier and a wrong password */
async function ownerOf ({ kratos }: Exchange, identifier: string, password: string): Promise<Identity> {
  const identity = kratos.store.identities.byIdentifier('password', identifier)
  const hashed = identity?.credentials['password']?.config['hashed_password']
  if (identity?.credentials['password']?.config['use_password_migration_hook'] === true) {
    throw misconfigured('Password migration hook is not enabled but password migration is requested.')
  }
  if (identity === undefined || typeof hashed !== 'string') {
    await pretendToCompare(kratos, password)
    throw formError(MESSAGES.invalidCredentials())
  }
  if (!await isPassword(password, hashed)) throw formError(MESSAGES.invalidCredentials())
  if (isForeign(hashed)) await rehash(kratos, identity, password)
  return identity
}

/** A password that is too long for bcrypt keeps its hash. */
async function rehash (kratos: Kratos, identity: Identity, password: string): Promise<void> {
  const now = kratos.clock.now()
  try {
    setCredential(identity, 'password', { hashed_password: await hashPassword(kratos, password) }, now)
  } catch (error) {
    if (error instanceof FormError) return
    throw error
  }
  kratos.store.identities.update(identity, now)
}
