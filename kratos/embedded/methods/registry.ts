import type { Kratos } from '../kratos.js'
import type { LoginMethod, Method, RegistrationMethod, SettingsMethod } from './method.js'
import { password } from './password/password.js'
import { profile } from './profile/profile.js'

/** Every method, in the order in which a submit is offered to them: `profile` stays first. */
export const METHODS: Method[] = [
  profile,
  password
]

const isEnabled = (kratos: Kratos, { id }: Method): boolean => kratos.config.selfservice.methods[id]?.enabled ?? false

/** Methods that take part in the registration form; `profile` cannot be switched off. */
export const enabledRegistrationMethods = (kratos: Kratos): RegistrationMethod[] =>
  METHODS.filter(method => method.id === 'profile' || isEnabled(kratos, method)).flatMap(({ registration }) => registration ?? [])

export const enabledLoginMethods = (kratos: Kratos): LoginMethod[] =>
  METHODS.filter(method => isEnabled(kratos, method)).flatMap(({ login }) => login ?? [])

export const enabledSettingsMethods = (kratos: Kratos): SettingsMethod[] =>
  METHODS.filter(method => isEnabled(kratos, method)).flatMap(({ settings }) => settings ?? [])
