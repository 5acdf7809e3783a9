import { rfc3339 } from '../clock.js'
import type { Json, JsonObject } from '../json.js'
import { goFloat, goQuote } from '../go/text.js'

export interface UiMessage {
  id: number
  text: string
  type: 'info' | 'error' | 'success'
  context?: JsonObject
}

const info = (id: number, text: string, context?: JsonObject): UiMessage => ({
  id,
  text,
  type: 'info',
  ...(context === undefined ? {} : { context }),
})
const success = (id: number, text: string, context?: JsonObject): UiMessage => ({
  ...info(id, text, context),
  type: 'success',
})
const failure = (id: number, text: string, context?: JsonObject): UiMessage => ({
  ...info(id, text, context),
  type: 'error',
})

const expired = (id: number, flow: string) => (expiredAt: number, now: number): UiMessage =>
  failure(id, `The ${flow} flow expired ${((now - expiredAt) / 60_000).toFixed(2)} minutes ago, please try again.`, {
    expired_at: rfc3339(expiredAt),
    expired_at_unix: Math.floor(expiredAt / 1000),
  })

const removeKey = (id: number, kind: string, name: string, addedAt: string): UiMessage =>
  info(id, `Remove ${kind} "${name}"`, {
    added_at: addedAt,
    added_at_unix: Math.floor(Date.parse(addedAt) / 1000),
    display_name: name,
  })

const wasSent = (what: string): string =>
  `An email containing a ${what} has been sent to the email address you provided. If you have not received an email, check the spelling of the address and make sure to use the address you registered with.`
const isSpent = (what: string): string => `The ${what} is invalid or has already been used. Please try again.`
const COMPLETED = 'The request was already completed successfully and can not be retried.'

/**
 * All messages with Kratos' ids and texts, sorted by id. They are defined only here (docs/kratos-facts.md, section 19).
 */
export const MESSAGES = {
  signIn: () => info(1010001, 'Sign in'),
  signInWith: (provider: string, providerId: string) =>
    info(1010002, `Sign in with ${provider}`, { provider, provider_id: providerId }),
  confirmItIsYou: () => info(1010003, 'Please confirm this action by verifying that it is you.'),
  secondFactor: () => info(1010004, 'Please complete the second authentication challenge.'),
  totpLabel: () => info(1010006, 'Authentication code'),
  lookupLabel: () => info(1010007, 'Backup recovery code'),
  useSecurityKey: () => info(1010008, 'Sign in with hardware key'),
  useTotp: () => info(1010009, 'Use Authenticator'),
  useLookup: () => info(1010010, 'Use backup recovery code'),
  prepareSecurityKey: () =>
    info(
      1010012,
      'Prepare your WebAuthn device (e.g. security key, biometrics scanner, ...) and press continue.',
    ),
  continueLogin: () => info(1010013, 'Continue'),
  loginCodeSent: () =>
    info(
      1010014,
      "A code was sent to the address you provided. If you didn't receive it, please check the spelling of the address and try again.",
    ),
  sendLoginCode: () => info(1010015, 'Send sign in code'),
  linkAccount: (identifier: string, provider: string, loginUrl: string) =>
    info(
      1010016,
      `You tried to sign in with ${
        JSON.stringify(identifier)
      }, but that email is already used by another account. Sign in to your account with one of the options below to add your account ${
        JSON.stringify(identifier)
      } at ${JSON.stringify(provider)} as another way to sign in.`,
      {
        available_credential_types: [],
        available_providers: [],
        duplicateIdentifier: identifier,
        duplicate_identifier: identifier,
        newLoginUrl: loginUrl,
        new_login_url: loginUrl,
        provider,
      },
    ),
  signInAndLink: () => info(1010017, 'Sign in and link'),
  confirmWith: (provider: string) => info(1010018, `Confirm with ${provider}`, { provider }),
  signInWithPasskey: () => info(1010021, 'Sign in with passkey'),
  signInWithPassword: () => info(1010022, 'Sign in with password'),
  sendLoginCodeTo: (channel: string, address: string) => info(1010023, `Send code to ${address}`, { address, channel }),
  signUp: () => info(1040001, 'Sign up'),
  signUpWith: (provider: string, providerId: string) =>
    info(1040002, `Sign up with ${provider}`, { provider, provider_id: providerId }),
  continueRegistration: () => info(1040003, 'Continue'),
  signUpWithSecurityKey: () => info(1040004, 'Sign up with security key'),
  registrationCodeSent: () =>
    info(
      1040005,
      'A code has been sent to the address(es) you provided. If you have not received a message, check the spelling of the address and retry the registration.',
    ),
  sendRegistrationCode: () => info(1040006, 'Send sign up code'),
  signUpWithPasskey: () => info(1040007, 'Sign up with passkey'),
  registrationBack: () => info(1040008, 'Back'),
  chooseCredential: () => info(1040009, 'Please choose a credential to authenticate yourself with.'),
  settingsSaved: () => success(1050001, 'Your changes have been saved!'),
  linkProvider: (provider: string) => info(1050002, `Link ${provider}`, { provider }),
  unlinkProvider: (provider: string) => info(1050003, `Unlink ${provider}`, { provider }),
  unlinkTotp: () => info(1050004, 'Unlink TOTP Authenticator App'),
  totpQrCode: () => info(1050005, 'Authenticator app QR code'),
  totpSecret: (secret: string) => info(1050006, secret, { secret }),
  revealLookup: () => info(1050007, 'Reveal backup recovery codes'),
  regenerateLookup: () => info(1050008, 'Generate new backup recovery codes'),
  lookupSecret: (secret: string) => info(1050009, secret, { secret }),
  lookupSecretsLabel: () => info(1050010, 'These are your back up recovery codes. Please keep them in a safe place!'),
  confirmLookup: () => info(1050011, 'Confirm backup recovery codes'),
  addSecurityKey: () => info(1050012, 'Add security key'),
  securityKeyName: () => info(1050013, 'Name of the security key'),
  lookupSecretUsed: (usedAt: number) =>
    info(1050014, `Secret was used at ${rfc3339(usedAt).replace('T', ' ').replace('Z', '')} +0000 UTC`, {
      used_at: rfc3339(usedAt),
      used_at_unix: Math.floor(usedAt / 1000),
    }),
  lookupSecrets: (shown: string[], secrets: UiMessage[]) =>
    info(1050015, shown.join(', '), {
      secrets: secrets.map(({ context = {}, ...message }) => ({ ...message, context })),
    }),
  disableLookup: () => info(1050016, 'Disable this method'),
  totpSecretLabel: () =>
    info(1050017, 'This is your authenticator app secret. Use it if you can not scan the QR code.'),
  removeSecurityKey: (name: string, addedAt: string) => removeKey(1050018, 'security key', name, addedAt),
  addPasskey: () => info(1050019, 'Add passkey'),
  removePasskey: (name: string, addedAt: string) => removeKey(1050020, 'passkey', name, addedAt),
  recovered: (privilegedUntil: number, now: number) =>
    success(
      1060001,
      `You successfully recovered your account. Please change your password or set up an alternative login method (e.g. social sign in) within the next ${
        ((privilegedUntil - now) / 60_000).toFixed(2)
      } minutes.`,
      {
        privilegedSessionExpiresAt: rfc3339(privilegedUntil),
        privileged_session_expires_at: rfc3339(privilegedUntil),
        privileged_session_expires_at_unix: Math.floor(privilegedUntil / 1000),
      },
    ),
  recoveryLinkSent: () => info(1060002, wasSent('recovery link')),
  recoveryCodeSent: () => info(1060003, wasSent('recovery code')),
  password: () => info(1070001, 'Password'),
  traitLabel: (title: string, name: string) => info(1070002, title, { name, title }),
  save: () => info(1070003, 'Save'),
  identifier: () => info(1070004, 'ID'),
  verifyOtp: () => info(1070006, 'Verify code'),
  continueWith: () => info(1070009, 'Continue'),
  emailLabel: () => info(1070007, 'Email'),
  resendCode: () => info(1070008, 'Resend code'),
  continue: () => info(1070009, 'Continue'),
  recoveryCodeLabel: () => info(1070010, 'Recovery code'),
  verificationCodeLabel: () => info(1070011, 'Verification code'),
  registrationCodeLabel: () => info(1070012, 'Registration code'),
  loginCodeLabel: () => info(1070013, 'Login code'),
  verificationLinkSent: () => info(1080001, wasSent('verification link')),
  verified: () => success(1080002, 'You successfully verified your email address.'),
  verificationCodeSent: () => info(1080003, wasSent('verification code')),

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
