import { rfc3339 } from '../clock.js'
import { info, removeKey, success, wasSent, type UiMessage } from './message-kinds.js'

/** Labels, and what went well. */
export const INFO_MESSAGES = {
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
  maskedRecoveryCodeSent: (address: string) =>
    info(
      1060004,
      `A recovery code has been sent to ${address}. If you have not received it, check the spelling of the address and make sure to use the address you registered with.`,
      { masked_address: address },
    ),
  giveRecoveryAddress: () =>
    info(1060005, 'Recover access to your account by providing your recovery address in full.'),
  chooseRecoveryAddress: () => info(1060006, 'How do you want to recover your account?'),
  recoveryBack: () => info(1060007, 'Back'),
  plainLabel: (text: string) => info(1070000, text),
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
  recoveryAddressLabel: () => info(1070016, 'Recovery address'),
  phoneLabel: () => info(1070017, 'Phone number'),
  verificationLinkSent: () => info(1080001, wasSent('verification link')),
  verified: () => success(1080002, 'You successfully verified your email address.'),
  verificationCodeSent: () => info(1080003, wasSent('verification code')),
}
