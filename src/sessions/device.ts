import { Type, type Static } from '@sinclair/typebox'
import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'

const OptionalText = Type.Union([Type.String(), Type.Null()])

/** A session in the list of its owner's devices: enough to recognise it, and nothing that proves it. */
export const DeviceSchema = Type.Object({
  id: Type.String(),
  current: Type.Boolean(),
  aal: OptionalText,
  authenticated_at: OptionalText,
  expires_at: OptionalText,
  user_agent: OptionalText,
  ip_address: OptionalText,
  location: OptionalText,
})

const textOrNull = (value: unknown): string | null => typeof value === 'string' && value !== '' ? value : null

/** Kratos adds a device per step: the last one is the latest login's (docs/kratos-facts.md, section 3). */
const lastDevice = ({ devices }: JsonObject): JsonObject => {
  const last: unknown = Array.isArray(devices) ? devices.at(-1) : undefined
  return isRecord(last) ? last : {}
}

/** `ip:port` of the peer, or the bare address that Kratos was told (docs/kratos-facts.md, section 3). */
const addressOf = (value: unknown): string | null =>
  textOrNull(value)?.replace(
    /^\[?(.+?)\]?:\d+$/,
    (whole, host: string) => whole.includes('.') || whole.startsWith('[') ? host : whole,
  ) ?? null

export function deviceOf (session: JsonObject, current: boolean): Static<typeof DeviceSchema> {
  const device = lastDevice(session)
  return {
    id: String(session['id']),
    current,
    aal: textOrNull(session['authenticator_assurance_level']),
    authenticated_at: textOrNull(session['authenticated_at']),
    expires_at: textOrNull(session['expires_at']),
    user_agent: textOrNull(device['user_agent']),
    ip_address: addressOf(device['ip_address']),
    location: textOrNull(device['location']),
  }
}
