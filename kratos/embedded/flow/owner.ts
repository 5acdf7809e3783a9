import { identityJson } from '../identity/json.js'
import type { Kratos } from '../kratos.js'
import type { Flow } from './flow.js'

/** Makes a settings flow show its owner as stored now. */
export function showIdentity (kratos: Kratos, flow: Flow): void {
  const identity = kratos.store.identities.get(flow.identityId)
  if (identity !== undefined) flow.identity = identityJson(kratos, identity)
}
