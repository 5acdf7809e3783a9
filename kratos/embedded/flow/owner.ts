import { identityJson } from '../identity/json.js'
import type { Kratos } from '../kratos.js'
import type { Flow } from './flow.js'

/** Adds the owner, as stored now, to a settings flow. */
export function showIdentity (kratos: Kratos, flow: Flow): void {
  const identity = kratos.store.identities.get(flow.identityId)
  if (identity !== undefined) flow.identity = identityJson(kratos, identity)
}
