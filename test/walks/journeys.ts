import type { ClientName, Step } from './steps.js'

/** Somebody signs up with a password. */
export const registered = (as: ClientName, person: number): Step[] => [
  { do: 'open', as, flow: 'registration' },
  { do: 'submit', as, flow: 'registration', fields: { method: 'password', password: '$password', traits: { email: `$email:${person}`, name: 'Ada' } } },
]
/** Ways through a flow as its author means it. */
export const JOURNEYS: Array<(as: ClientName, person: number) => Step[]> = [
  registered,
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
