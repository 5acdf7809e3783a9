import type { Kratos } from '../kratos.js'
import { isEnabled, type LoginMethod, type Method, type RegistrationMethod, type SettingsMethod } from './method.js'
import { code } from './code/code.js'
import { identifierFirst } from './identifier-first/identifier-first.js'
import { link } from './link/link.js'
import { lookupSecret } from './lookup-secret/lookup-secret.js'
import { oidc } from './oidc/oidc.js'
import { passkey } from './passkey/passkey.js'
import { password } from './password/password.js'
import { profile } from './profile/profile.js'
import { totp } from './totp/totp.js'
import { webauthn } from './webauthn/webauthn.js'

/**
 * All methods in the order in which submits are offered to them. `profile` must be first and `identifier_first` last,
 * because they read every submit.
 */
export const METHODS: Method[] = [
  profile,
  password,
  oidc,
  code,
  link,
  totp,
  passkey,
  webauthn,
  lookupSecret,
  identifierFirst,
]

/** Methods with a part in the registration form; `profile` cannot be disabled. */
export const enabledRegistrationMethods = (kratos: Kratos): RegistrationMethod[] =>
  METHODS.filter(({ id }) => id === 'profile' || isEnabled(kratos, id)).flatMap(
    ({ registration }) => registration ?? [],
  )

export const enabledLoginMethods = (kratos: Kratos): LoginMethod[] =>
  METHODS.filter(({ id }) => isEnabled(kratos, id)).flatMap(({ login }) => login ?? [])

/** Methods with a part in the settings, enabled or not, in the order of submits. */
export const settingsMethods = (): Array<{ id: string, settings: SettingsMethod }> =>
  METHODS.flatMap(({ id, settings }) => settings === undefined ? [] : [{ id, settings }])
