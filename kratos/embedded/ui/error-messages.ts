import type { Json } from '../json.js'
import { goFloat, goQuote } from '../go/text.js'
import { expired, failure, isSpent, COMPLETED } from './message-kinds.js'

/** What was wrong. */
export const ERROR_MESSAGES = {
  generic: (reason: string) => failure(4000001, reason, { reason }),
  required: (property: string) => failure(4000002, `Property ${property} is missing.`, { property }),
  tooShort: (minLength: number, actual: number) =>
    failure(4000003, `length must be >= ${minLength}, but got ${actual}`, {
      actual_length: actual,
      min_length: minLength,
    }),
  pattern: (pattern: string) => failure(4000004, `does not match pattern ${goQuote(pattern)}`, { pattern }),
  invalidCredentials: () =>
    failure(
      4000006,
      'The provided credentials are invalid, check for spelling mistakes in your password or username, email address, or phone number.',
    ),
  identifierExists: () =>
    failure(4000007, 'An account with the same identifier (email, phone, username, ...) exists already.'),
  totpWrong: () => failure(4000008, 'The provided authentication code is invalid, please try again.'),
  noIdentifier: () =>
    failure(
      4000009,
      'Could not find any login identifiers. Did you forget to set them? This could also be caused by a server misconfiguration.',
    ),
  addressNotVerified: () => failure(4000010, 'Account not active yet. Did you forget to verify your email address?'),
  noTotpDevice: () => failure(4000011, 'You have no TOTP device set up.'),
  lookupAlreadyUsed: () => failure(4000012, 'This backup recovery code has already been used.'),
  noSecurityKeyRegistered: () => failure(4000013, 'You have no WebAuthn device set up.'),
  noLookup: () => failure(4000014, 'You have no backup recovery codes set up.'),
  noSecurityKey: () => failure(4000015, 'This account does not exist or has no security key set up.'),
  lookupInvalid: () => failure(4000016, 'The backup recovery code is not valid.'),
  tooLong: (maxLength: number, actual: number) =>
    failure(4000017, `length must be <= ${maxLength}, but got ${actual}`, {
      actual_length: actual,
      max_length: maxLength,
    }),
  minimum: (minimum: number, actual: number) =>
    failure(4000018, `must be >= ${goFloat(minimum)} but found ${goFloat(actual)}`, { actual, minimum }),
  exclusiveMinimum: (minimum: number, actual: number) =>
    failure(4000019, `must be > ${goFloat(minimum)} but found ${goFloat(actual)}`, { actual, minimum }),
  maximum: (maximum: number, actual: number) =>
    failure(4000020, `must be <= ${goFloat(maximum)} but found ${goFloat(actual)}`, { actual, maximum }),
  exclusiveMaximum: (maximum: number, actual: number) =>
    failure(4000021, `must be < ${goFloat(maximum)} but found ${goFloat(actual)}`, { actual, maximum }),
  multipleOf: (base: number, actual: number) => failure(4000022, `${goFloat(actual)} not multipleOf ${goFloat(base)}`, { actual, base }),
  maxItems: (maxItems: number, actual: number) =>
    failure(4000023, `maximum ${maxItems} items allowed, but found ${actual} items`, {
      actual_items: actual,
      max_items: maxItems,
    }),
  minItems: (minItems: number, actual: number) =>
    failure(4000024, `minimum ${minItems} items allowed, but found ${actual} items`, {
      actual_items: actual,
      min_items: minItems,
    }),
  uniqueItems: (indexA: number, indexB: number) =>
    failure(4000025, `items at index ${indexA} and ${indexB} are equal`, { index_a: indexA, index_b: indexB }),
  wrongType: (allowed: string[], actual: string) =>
    failure(4000026, `expected ${allowed.join(' or ')}, but got ${actual}`, {
      actual_type: actual,
      allowed_types: allowed,
    }),
  constant: (expected: string) => failure(4000029, `must be equal to constant ${expected}`, { expected }),
  constantGeneric: () => failure(4000030, 'const failed'),
  passwordLikeIdentifier: () =>
    failure(4000031, 'The password can not be used because it is too similar to the identifier.'),
  passwordTooShort: (minLength: number, actual: number) =>
    failure(4000032, `The password must be at least ${minLength} characters long, but got ${actual}.`, {
      actual_length: actual,
      min_length: minLength,
    }),
  passwordBreached: (breaches: number) =>
    failure(4000034, 'The password has been found in data breaches and must no longer be used.', { breaches }),
  passwordTooLong: (maxLength: number, actual: number) =>
    failure(4000033, `The password must be at most ${maxLength} characters long, but got ${actual}.`, {
      actual_length: actual,
      max_length: maxLength,
    }),
  noCodeAccount: () => failure(4000035, 'This account does not exist or has not setup sign in with code.'),
  traitsMismatch: () =>
    failure(4000036, 'The provided traits do not match the traits previously associated with this flow.'),
  noLoginMethod: () => failure(4000037, 'This account does not exist or has no login method configured.'),
  passwordUnchanged: () => failure(4000039, 'The new password must be different from the old password.'),
  email: (value: Json) => failure(4000040, 'Enter a valid email address', { value }),
  phone: (value: Json) => failure(4000041, 'Enter a valid phone number', { value }),
  loginFlowExpired: expired(4010001, 'login'),
  noLoginStrategy: () =>
    failure(4010002, 'Could not find a strategy to log you in with. Did you fill out the form correctly?'),
  noRegistrationStrategy: () =>
    failure(4010003, 'Could not find a strategy to sign you up with. Did you fill out the form correctly?'),
  noSettingsStrategy: () =>
    failure(4010004, 'Could not find a strategy to update your settings. Did you fill out the form correctly?'),
  noRecoveryStrategy: () =>
    failure(4010005, 'Could not find a strategy to recover your account with. Did you fill out the form correctly?'),
  noVerificationStrategy: () =>
    failure(4010006, 'Could not find a strategy to verify your account with. Did you fill out the form correctly?'),
  loginCodeInvalid: () => failure(4010008, isSpent('login code')),
  linkedCredentialsDiffer: () => failure(4010009, 'Linked credentials do not match.'),
  addressUnknown: () =>
    failure(4010010, 'The address you entered does not match any known addresses in the current account.'),
  registrationFlowExpired: expired(4040001, 'registration'),
  settingsFlowExpired: expired(4050001, 'settings'),
  registrationCodeInvalid: () => failure(4040003, isSpent('registration code')),
  recoveryRetried: () => failure(4060001, COMPLETED),
  recoveryStateFailure: () => failure(4060002, 'The recovery flow reached a failure state and must be retried.'),
  recoveryTokenInvalid: () =>
    failure(4060004, 'The recovery token is invalid or has already been used. Please retry the flow.'),
  recoveryFlowExpired: expired(4060005, 'recovery'),
  recoveryCodeInvalid: () => failure(4060006, isSpent('recovery code')),
  verificationTokenInvalid: () =>
    failure(4070001, 'The verification token is invalid or has already been used. Please retry the flow.'),
  verificationRetried: () => failure(4070002, COMPLETED),
  verificationFlowExpired: expired(4070005, 'verification'),
  verificationCodeInvalid: () => failure(4070006, isSpent('verification code')),
}
