import type { Kratos } from '../../kratos.js'

/** Logs in and registers by code alone. */
export const isPasswordless = ({ config }: Kratos): boolean => config.selfservice.methods['code']?.['passwordless_enabled'] === true

/** Codes are a second factor; Kratos' schema allows one of the two only. */
export const isSecondFactor = ({ config }: Kratos): boolean => config.selfservice.methods['code']?.['mfa_enabled'] === true
