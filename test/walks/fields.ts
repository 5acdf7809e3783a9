import fc, { type Arbitrary } from 'fast-check'
import type { FlowName, Json, JsonObject } from './steps.js'

export const sometimes = <T>(arbitrary: Arbitrary<T>, freq = 6): Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq })
/** A value that is mostly the first. */
const mostly = <T>(usual: T, ...others: T[]): Arbitrary<T> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

/** Traits of a person, mostly right. */
export type Traits = (person: number) => Arbitrary<Json>

/** For schemas of this folder's configurations. */
export const usualTraits: Traits = (person) => fc.record<Record<string, Json | undefined>>({
  email: mostly<Json | undefined>(`$email:${person}`, `$shouted:${person}`, `$blank:${person}`, 'no-address', '', 7, undefined),
  name: sometimes(mostly<Json>('Ada', 'Ada99', 'A name that is too long', { first: 'Ada' }, { last: 'L' }, 5, null), 3),
  user: sometimes(mostly<Json>(`$user:${person}`, 'abc', `$email:${person}`), 4),
  phone: sometimes(mostly<Json>(`$phone:${person}`, '123', '07700 900123'), 4),
  age: sometimes(fc.constantFrom<Json>(30, '31', -1, 200, 1.5, 'x'), 8),
  news: sometimes(fc.constantFrom<Json>(true, 'true', 'yes', 0), 8),
  color: sometimes(fc.constantFrom<Json>('red', 'blue'), 8),
  site: sometimes(fc.constantFrom<Json>('https://ada.test', 'not a site'), 8),
  extra: sometimes(fc.constant<Json>('x'), 12),
}).map(withoutGaps)

export const withoutGaps = (fields: Record<string, Json | undefined>): JsonObject =>
  Object.fromEntries(Object.entries(fields).filter((pair): pair is [string, Json] => pair[1] !== undefined))

const password = mostly('$password', '$other', 'short', '', '$email:1', 'x'.repeat(73), undefined)
const identifier = (person: number): Arbitrary<Json | undefined> =>
  mostly<Json | undefined>(`$email:${person}`, `$shouted:${person}`, `$blank:${person}`, `$user:${person}`, `$phone:${person}`, '$email:3', '', undefined, 12)
const code = (person: number): Arbitrary<Json | undefined> => mostly<Json | undefined>(`$code:${person}`, '000000', '12345', '', undefined)
const totp = mostly<Json | undefined>('$totp', '000000', 'abc', '', undefined)
const lookup = mostly<Json | undefined>('$lookup:0', '$lookup:1', 'wrong', '')

/** A recovery by a choice of addresses. */
const choice = (person: number): Record<string, Arbitrary<Json | undefined>> => ({
  recovery_address: sometimes(mostly<Json>(`$email:${person}`, `$shouted:${person}`, `backup.$email:${person}`, `$phone:${person}`, '$email:3'), 2),
  recovery_select_address: sometimes(mostly<Json>(`$backup:${person}`, `$choice:${person}`, 'x'), 2),
  recovery_confirm_address: sometimes(mostly<Json>(`backup.$email:${person}`, `$email:${person}`, '$email:3', 'x', '+4930'), 2),
  code: sometimes(code(person), 3),
})

/** No credential, in several ways. */
const credential = fc.constantFrom<Json>('', '{}', 'x', '{"id":"a"}', '{"id":"YQ","rawId":"YQ","type":"public-key","response":{}}', 'null')

type Fields = Arbitrary<Record<string, Json | undefined>>
const record = (model: Record<string, Arbitrary<Json | undefined>>): Fields => fc.record(model)
const just = <T extends Json>(value: T): Arbitrary<T> => fc.constant(value)

/** What a client sends in a flow; each is mostly right. */
export const submitsWith = (traits: Traits): Record<FlowName, (person: number) => Fields[]> => ({
  registration: (person) => [
    record({ method: just('password'), password, traits: traits(person) }),
    record({ method: just('password'), password, traits: traits(person) }),
    record({ method: just('profile'), traits: traits(person), screen: sometimes(just('credential-selection'), 3) }),
    record({ method: just('profile'), screen: just('previous'), traits: traits(person) }),
    record({ method: just('code'), traits: traits(person) }),
    record({ method: just('code'), traits: traits(person), code: code(person) }),
    record({ method: just('code'), traits: traits(person), resend: just('code') }),
    record({ method: just('passkey'), traits: traits(person), passkey_register: sometimes(credential, 3) }),
    record({ method: just('webauthn'), traits: traits(person), webauthn_register: sometimes(credential, 3), webauthn_register_displayname: just('key') }),
  ],
  login: (person) => [
    record({ method: just('password'), identifier: identifier(person), password }),
    record({ method: just('password'), identifier: identifier(person), password }),
    record({ method: just('identifier_first'), identifier: identifier(person) }),
    record({ method: just('code'), identifier: identifier(person), address: sometimes(just(`$email:${person}`), 4) }),
    record({ method: just('code'), identifier: identifier(person), code: code(person) }),
    record({ method: just('code'), identifier: identifier(person), resend: just('code') }),
    record({ method: just('totp'), totp_code: totp }),
    record({ method: just('lookup_secret'), lookup_secret: lookup }),
    record({ method: just('passkey'), passkey_login: credential }),
    record({ method: just('webauthn'), identifier: identifier(person), webauthn_login: sometimes(credential, 3) }),
  ],
  settings: (person) => [
    record({ method: just('profile'), traits: traits(person) }),
    record({ method: just('password'), password }),
    record({ method: just('totp'), totp_code: totp }),
    record({ method: just('totp'), totp_unlink: mostly<Json>(true, 'false') }),
    record({ method: just('lookup_secret'), lookup_secret_regenerate: just(true) }),
    record({ method: just('lookup_secret'), lookup_secret_confirm: just(true) }),
    record({ method: just('lookup_secret'), lookup_secret_reveal: just(true) }),
    record({ method: just('lookup_secret'), lookup_secret_disable: just(true) }),
    record({ method: just('passkey'), passkey_settings_register: credential }),
    record({ method: just('passkey'), passkey_remove: just('abc') }),
    record({ method: just('webauthn'), webauthn_register: credential }),
    record({ method: just('webauthn'), webauthn_remove: just('abc') }),
    record({ traits: traits(person) }),
    record({ password }),
    record({ method: just('oidc'), link: just('nobody') }),
    record({ unlink: just('nobody') }),
  ],
  recovery: (person) => [
    record({ method: just('code'), email: identifier(person) }),
    record({ method: just('code'), code: code(person) }),
    record({ method: just('link'), email: identifier(person) }),
    record({ method: just('code'), ...choice(person) }),
    record({ ...choice(person), screen: just('previous') }),
  ],
  verification: (person) => [
    record({ method: just('code'), email: identifier(person) }),
    record({ method: just('code'), code: code(person) }),
    record({ method: just('link'), email: identifier(person) }),
  ],
})
