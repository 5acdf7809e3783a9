import { asObject, type JsonObject } from '../../json.js'
import type { Kratos } from '../../kratos.js'

export type KeyMethod = 'passkey' | 'webauthn'

/** For whom keys are made, and how they are asked for. */
export interface RelyingParty {
  id: string
  name: string
  /** Origins of pages that may use the keys. */
  origins: string[]
  timeoutMs: number
  userVerification: 'preferred' | 'discouraged'
  selection: JsonObject
}

/** A passkey is stored on the device, which also asks who uses it. A security key only proves that it is there. */
const STYLES: Record<KeyMethod, Pick<RelyingParty, 'timeoutMs' | 'userVerification' | 'selection'>> = {
  passkey: {
    timeoutMs: 300_000,
    userVerification: 'preferred',
    selection: { authenticatorAttachment: 'platform', requireResidentKey: true, residentKey: 'required' },
  },
  webauthn: { timeoutMs: 120_000, userVerification: 'discouraged', selection: {} },
}

export function relyingParty ({ config }: Kratos, method: KeyMethod): RelyingParty {
  const rp = asObject(config.selfservice.methods[method]?.config['rp'])
  const id = String(rp['id'] ?? '')
  const only = method === 'webauthn' && typeof rp['origin'] === 'string' && rp['origin'] !== '' ? rp['origin'] : ''
  const fallback = only === '' ? `${new URL(config.serve.public.base_url).protocol}//${id}` : only
  return {
    id,
    name: String(rp['display_name'] ?? ''),
    origins: Array.isArray(rp['origins']) ? rp['origins'].map(String) : [fallback],
    ...STYLES[method],
  }
}

/** Whether security keys are a first factor. Otherwise they are a second one. */
export const isPasswordless = ({ config }: Kratos): boolean =>
  config.selfservice.methods['webauthn']?.config['passwordless'] === true
