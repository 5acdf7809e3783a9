import { readForm } from '../../flow/form.js'
import type { Flow } from '../../flow/flow.js'
import { isPrivileged, refreshRequired } from '../../flows/settings/privilege.js'
import { csrfToken } from '../../http/csrf.js'
import { badRequest, noRow } from '../../http/errors.js'
import type { Exchange } from '../../http/exchange.js'
import type { Identity } from '../../identity/identity.js'
import { formError, type FormError } from '../../identity/validation.js'
import { asObject, type JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'
import { removeNodes, upsertNode } from '../../ui/container.js'
import { MESSAGES } from '../../ui/message.js'
import { csrfNode, inputNode, nodeId } from '../../ui/node.js'
import type { Session } from '../../session/session.js'
import { countFirstFactors } from '../factors.js'
import { answered, done, ensureEnabled, type Outcome, type SettingsMethod } from '../method.js'
import { labelOf, providerById, providers, type Provider } from './config.js'
import { linkedAccount, linkedAccounts, oidcCredential, type ProviderTokens } from './credential.js'
import { toProvider } from './detour.js'

const text = { type: 'string' }

const FORM: JsonObject = {
  type: 'object',
  properties: {
    link: text,
    unlink: text,
    method: text,
    upstream_parameters: { type: 'object' },
    transient_payload: { type: 'object' },
  },
}

const isLinked = (identity: Identity, { id }: Provider): boolean =>
  linkedAccounts(identity.credentials['oidc']).some(({ provider }) => provider === id)

export const settings: SettingsMethod = {
  populate: (ex, flow, identity) => {
    const { kratos } = ex
    removeNodes(flow.ui, (node) => ['link', 'unlink'].includes(nodeId(node)))
    upsertNode(flow.ui, csrfNode(csrfToken(ex)))
    const button = (name: 'link' | 'unlink', provider: Provider): void => {
      const label = name === 'link'
        ? MESSAGES.linkProvider(labelOf(provider))
        : MESSAGES.unlinkProvider(labelOf(provider))
      flow.ui.nodes.push(inputNode('oidc', name, 'submit', { value: provider.id, label }))
    }
    for (const provider of providers(kratos).filter((provider) => !isLinked(identity, provider))) {
      button('link', provider)
    }
    if (countFirstFactors(kratos, identity) < 2) return
    for (const provider of providers(kratos).filter((provider) => isLinked(identity, provider))) {
      button('unlink', provider)
    }
  },

  read: (ex) => {
    const form = readForm(ex, FORM, { allowGet: true, withQuery: true })
    if (form['link'] === undefined && form['unlink'] === undefined) return undefined
    ensureEnabled(ex.kratos, 'oidc')
    return form
  },

  apply: async (ex, flow, session, form) => {
    const { link, unlink } = form
    flow.transientPayload = asObject(form['transient_payload'])
    if (link !== undefined && unlink !== undefined) {
      throw problem('it is not possible to link and unlink providers in the same request')
    }
    if (link !== undefined) return await startLinking(ex, flow, session, form)
    if (unlink !== undefined) return unlinked(ex, session, String(unlink))
    throw badRequest('Expected either link or unlink to be set when continuing flow but both are unset.')
  },
}

const problem = (reason: string): FormError => formError(MESSAGES.generic(reason))

/** @throws FormError for a provider that does not exist or is already linked */
function linkable (kratos: Kratos, session: Session, id: string): { identity: Identity, provider: Provider } {
  const identity = kratos.store.identities.get(session.identityId)
  if (identity === undefined) throw noRow()
  const provider = providers(kratos).find((provider) => provider.id === id && !isLinked(identity, provider))
  if (provider === undefined) throw problem('can not link unknown or already existing OpenID Connect connection')
  return { identity, provider }
}

async function startLinking (ex: Exchange, flow: Flow, session: Session, form: JsonObject): Promise<Outcome<Identity>> {
  const { kratos } = ex
  const { provider } = linkable(kratos, session, String(form['link']))
  if (!isPrivileged(kratos, session)) throw refreshRequired(ex)
  return answered(
    await toProvider(ex, flow, provider, {
      traits: {},
      transientPayload: null,
      upstream: form['upstream_parameters'],
    }),
  )
}

function unlinked (ex: Exchange, session: Session, id: string): Outcome<Identity> {
  const { kratos } = ex
  if (!isPrivileged(kratos, session)) throw refreshRequired(ex)
  const identity = kratos.store.identities.get(session.identityId)
  const credential = identity?.credentials['oidc']
  if (identity === undefined || credential === undefined) throw noRow()
  if (countFirstFactors(kratos, identity) < 2) {
    throw problem('can not unlink OpenID Connect connection because it is the last remaining first factor credential')
  }
  const accounts = linkedAccounts(credential)
  const others = accounts.filter(({ provider }) => provider !== id)
  if (others.length === accounts.length) throw problem('can not unlink non-existing OpenID Connect connection')
  identity.credentials['oidc'] = oidcCredential(others, kratos.clock.now(), credential)
  return done(identity)
}

/** The identity with the account of the returning browser; the caller stores it. @throws as a submit that links */
export function linkedIdentity (
  ex: Exchange,
  session: Session,
  providerId: string,
  subject: string,
  tokens: ProviderTokens,
): Identity {
  const { kratos } = ex
  if (!isPrivileged(kratos, session)) throw refreshRequired(ex)
  const { identity, provider } = linkable(kratos, session, providerById(kratos, providerId).id)
  const old = identity.credentials['oidc']
  identity.credentials['oidc'] = oidcCredential(
    [...linkedAccounts(old), linkedAccount(provider.id, subject, tokens)],
    kratos.clock.now(),
    old,
  )
  return identity
}
