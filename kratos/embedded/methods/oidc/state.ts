import type { Flow } from '../../flow/flow.js'
import type { Kratos } from '../../kratos.js'
import { newId } from '../../random.js'

/** The sealed `state` that travels to the provider and back. */
export interface State {
  flowId: string
  kind: 'login' | 'registration' | 'settings'
  providerId: string
  pkceVerifier: string
}

const NAME = 'oidc state'

/** In hexadecimal; different each time. */
export function sealState (kratos: Kratos, flow: Flow, providerId: string, pkceVerifier: string): string {
  const sealed = kratos.sealer.seal(NAME, {
    flowId: flow.id,
    kind: flow.kind,
    providerId,
    pkceVerifier,
    nonce: newId(),
  })
  return Buffer.from(sealed, 'base64url').toString('hex')
}

/** @returns undefined for a state of another server */
export function openState (kratos: Kratos, text: string): State | undefined {
  const opened = kratos.sealer.open(NAME, Buffer.from(text, 'hex').toString('base64url'))
  return opened === undefined ? undefined : opened as unknown as State
}
