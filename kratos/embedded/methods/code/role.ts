import type { Kratos } from '../../kratos.js'

/** Whether codes alone log in and register. */
export const isPasswordless = ({ config }: Kratos): boolean =>
  config.selfservice.methods['code']?.['passwordless_enabled'] === true

/** Whether codes are a second factor. Kratos' configuration schema allows only one of the two. */
export const isSecondFactor = ({ config }: Kratos): boolean =>
  config.selfservice.methods['code']?.['mfa_enabled'] === true
