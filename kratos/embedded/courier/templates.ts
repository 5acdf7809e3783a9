/** Subject and text of a message, with the type name that Kratos uses. */
export interface Template {
  type: string
  subject: string
  body: string
  /** Text for a phone; missing where Kratos sends only mails. */
  sms?: string
}

const expiry = (what: string, minutes: number): string =>
  `If this was not you, do nothing. This ${what} expires in ${minutes} minutes.\n`

const unknownAccount = (attempt: string): string =>
  `Hello,\n\nsomebody asked ${attempt}, but no account has this address.\n\nIf it was you, perhaps you signed up with another address. If not, there is nothing to do.\n`

/** Every message the embedded server can send (recordings 55, 60, 65). */
export const TEMPLATES = {
  recoveryCode: (code: string, minutes: number): Template => ({
    type: 'recovery_code_valid',
    subject: `Use code ${code} to recover access to your account`,
    body: `Recover access to your account by entering the following code:\n\n${code}\n\n${expiry('code', minutes)}`,
    sms: `Your recovery code is: ${code}\n`,
  }),
  recoveryLink: (url: string, minutes: number): Template => ({
    type: 'recovery_valid',
    subject: 'Recover access to your account',
    body: `Recover access to your account by clicking the following link:\n\n${url}\n\n${expiry('link', minutes)}\n`,
  }),
  recoveryUnknown: (type: 'recovery_code_invalid' | 'recovery_invalid'): Template => ({
    type,
    subject: 'Account access attempted',
    body: unknownAccount('to recover an account'),
  }),
  verificationCode: (code: string, url: string, minutes: number): Template => ({
    type: 'verification_code_valid',
    subject: `Use code ${code} to verify your account`,
    body: `Verify your account with the following code:\n\n${code}\n\nor clicking the following link:\n\n${url}\n\n${
      expiry('code / link', minutes)
    }`,
    sms: `Your verification code is: ${code}\n\nIf this was not you, do nothing. It expires in ${minutes} minutes.\n`,
  }),
  verificationLink: (url: string, minutes: number): Template => ({
    type: 'verification_valid',
    subject: 'Please verify your email address',
    body: `Verify your account by opening the following link:\n\n${url}\n\n${expiry('link', minutes)}`,
  }),
  verificationUnknown: (type: 'verification_code_invalid' | 'verification_invalid'): Template => ({
    type,
    subject: 'Someone tried to verify this email address',
    body: unknownAccount('to verify this address'),
  }),
  registrationCode: (code: string, minutes: number): Template => ({
    type: 'registration_code_valid',
    subject: `Use code ${code} to complete your account registration`,
    body:
      `Complete your account registration with the following code:\n\n${code}\n\nThis code expires in ${minutes} minutes.\n`,
    sms: `Your registration code is: ${code}\n\nIt expires in ${minutes} minutes.\n`,
  }),
  loginCode: (code: string, minutes: number): Template => ({
    type: 'login_code_valid',
    subject: `Use code ${code} to log in`,
    body: `Login to your account with the following code:\n\n${code}\n\nIt expires in ${minutes} minutes.\n`,
    sms: `Your login code is: ${code}\n\nIt expires in ${minutes} minutes.\n`,
  }),
}
