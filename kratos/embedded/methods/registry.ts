import type { Kratos } from '../kratos.js'
import { isEnabled, type LoginMethod, type Method, type RegistrationMethod, type SettingsMethod } from './method.js'
import { code } from './code/code.js'
import { identifierFirst } from './identifier-first/identifier-first.js'
import { link } from './link/link.js'
import { lookupSecret } from './lookup-secret/lookup-secret.js'
import { oidc } from './oidc/oidc.js'
import { password } from './password/password.js'
import { profile } from './profile/profile.js'
import { totp } from './totp/totp.js'
import { unbuilt } from './unbuilt.js'

/**
 * Every method, in the order in which a submit is offered to them: `profile` stays first and `identifier_first` last, for
 * they read every submit. Whoever builds a method puts it in the place of its name.
 */
export const METHODS: Method[] = [
  profile,
  password,
  oidc,
  code,
  link,
  totp,
  unbuilt('passkey'),
  unbuilt('webauthn'),
  lookupSecret,
  identifierFirst
]

/** Methods that take part in the registration form; `profile` cannot be switched off. */
export const enabledRegistrationMethods = (kratos: Kratos): RegistrationMethod[] =>
  METHODS.filter(({ id }) => id === 'profile' || isEnabled(kratos, id)).flatMap(({ registration }) => registration ?? [])

export const enabledLoginMethods = (kratos: Kratos): LoginMethod[] =>
  METHODS.filter(({ id }) => isEnabled(kratos, id)).flatMap(({ login }) => login ?? [])

/** Methods with a part in the settings, switched on or not, as a submit is offered to them. */
export const settingsMethods = (): Array<{ id: string, settings: SettingsMethod }> =>
  METHODS.flatMap(({ id, settings }) => settings === undefined ? [] : [{ id, settings }])
