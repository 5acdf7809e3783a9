import type { Flow } from '../../flow/flow.js'
import { internal } from '../../http/errors.js'
import { isObject } from '../../json.js'
import type { Ceremony } from './options.js'
import type { KeyMethod } from './relying-party.js'

const key = (method: KeyMethod): string => `${method}_session_data`

export function rememberCeremony (flow: Flow, method: KeyMethod, { challenge, userId, allowed }: Ceremony): void {
  flow.context[key(method)] = { challenge, userId, allowed }
}

export function forgetCeremony (flow: Flow, method: KeyMethod): void {
  delete flow.context[key(method)]
}

/** @throws ApiError 500 when the flow has asked for no key */
export function ceremonyOf (flow: Flow, method: KeyMethod): Ceremony {
  const kept = flow.context[key(method)]
  if (isObject(kept)) return kept as unknown as Ceremony
  throw internal(
    `Expected WebAuthN in internal context to be an object${
      flow.kind === 'login' ? ' but got: unexpected end of JSON input' : '.'
    }`,
  )
}
