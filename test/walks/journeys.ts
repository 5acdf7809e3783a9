import type { ClientName, Json, Step } from './steps.js'

/** Traits that the schema takes. */
export type ValidTraits = (person: number) => Json
export type Journey = (as: ClientName, person: number) => Step[]

/** For schemas of this folder's configurations. */
export const usualPerson: ValidTraits = (person) => ({ email: `$email:${person}`, name: 'Ada' })

/** Somebody signs up with a password. */
export const registration = (traits: ValidTraits): Journey => (as, person) => [
  { do: 'open', as, flow: 'registration' },
  { do: 'submit', as, flow: 'registration', fields: { method: 'password', password: '$password', traits: traits(person) } },
]
/** Ways through a flow as its author means it. */
export const JOURNEYS: Journey[] = [
  (as, person) => [
    { do: 'open', as, flow: 'login' },
    { do: 'submit', as, flow: 'login', fields: { method: 'password', identifier: `$email:${person}`, password: '$password' } },
  ],
  (as) => [
    { do: 'open', as, flow: 'settings' },
    { do: 'submit', as, flow: 'settings', fields: { method: 'totp', totp_code: '$totp' } },
  ],
  (as) => [
    { do: 'open', as, flow: 'settings' },
    { do: 'submit', as, flow: 'settings', fields: { method: 'lookup_secret', lookup_secret_regenerate: true } },
    { do: 'submit', as, flow: 'settings', fields: { method: 'lookup_secret', lookup_secret_confirm: true } },
  ],
  (as, person) => [
    { do: 'open', as, flow: 'recovery' },
    { do: 'submit', as, flow: 'recovery', fields: { method: 'code', email: `$email:${person}` } },
    { do: 'submit', as, flow: 'recovery', fields: { method: 'code', code: `$code:${person}` } },
  ],
  (as, person) => [
    { do: 'open', as, flow: 'recovery' },
    { do: 'submit', as, flow: 'recovery', fields: { recovery_address: `backup.$email:${person}` } },
    { do: 'submit', as, flow: 'recovery', fields: { recovery_address: `backup.$email:${person}`, recovery_select_address: `$choice:${person}` } },
    { do: 'submit', as, flow: 'recovery', fields: { recovery_address: `backup.$email:${person}`, recovery_confirm_address: `$email:${person}` } },
    { do: 'submit', as, flow: 'recovery', fields: { code: `$code:${person}` } },
  ],
  (as, person) => [
    { do: 'open', as, flow: 'recovery' },
    { do: 'submit', as, flow: 'recovery', fields: { method: 'link', email: `$email:${person}` } },
    { do: 'link', as, person },
  ],
  (as, person) => [
    { do: 'open', as, flow: 'verification' },
    { do: 'submit', as, flow: 'verification', fields: { method: 'code', email: `$email:${person}` } },
    { do: 'submit', as, flow: 'verification', fields: { method: 'code', code: `$code:${person}` } },
  ],
  (as) => [
    { do: 'open', as, flow: 'login', query: { aal: 'aal2' } },
    { do: 'submit', as, flow: 'login', fields: { method: 'totp', totp_code: '$totp' } },
  ],
]
