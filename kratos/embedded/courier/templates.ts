import type { JsonObject } from '../json.js'
import { escapeHtml } from './go-template/functions.js'

/** A message before it is rendered: its built-in texts, and the data that templates of one's own can read. */
export interface Template {
  /** The type name that Kratos uses. */
  type: string
  subject: string
  body: string
  /** The HTML part, where it differs from the text. */
  html?: string
  /** Text for a phone; missing where Kratos sends only mails. */
  sms?: string
  /** Under the names that Kratos gives to HTTP channels. */
  data: JsonObject
}

const expiry = (what: string, minutes: number): string =>
  `If this was not you, do nothing. This ${what} expires in ${minutes} minutes.\n`

const anchor = (url: string): string => `<a href="${escapeHtml(url)}">${escapeHtml(url)}</a>`

/** The part after the reason is the same in all messages to unknown people. */
const UNKNOWN = '\n\nIf this was you, check if you signed up using a different address.\n\nIf this was not you, please ignore this email.\n'
const noAccount = (who: string): string =>
  `${who} asked to verify this email address, but we were unable to find an account for this address.${UNKNOWN}`

const VERIFICATION_UNKNOWN = {
  verification_code_invalid: `Hi,\n\n${noAccount('someone')}`,
  verification_invalid: noAccount('Someone'),
}

const verificationCodeBody = (code: string, link: string, minutes: number): string =>
  `Verify your account with the following code:\n\n${code}\n\nor clicking the following link:\n\n${link}\n\n${
    expiry('code / link', minutes)
  }`

const recoveryLinkBody = (link: string, minutes: number): string =>
  `Recover access to your account by clicking the following link:\n\n${link}\n\n${expiry('link', minutes)}\n`

const verificationLinkBody = (link: string, minutes: number): string =>
  `Verify your account by opening the following link:\n\n${link}\n\n${expiry('link', minutes)}`

/** Every message the embedded server can send (recordings 55, 60, 65; docs/kratos-facts.md, section 23). */
export const TEMPLATES = {
  recoveryCode: (code: string, minutes: number): Template => ({
    type: 'recovery_code_valid',
    subject: `Use code ${code} to recover access to your account`,
    body: `Recover access to your account by entering the following code:\n\n${code}\n\n${expiry('code', minutes)}`,
    sms: `Your recovery code is: ${code}\n`,
    data: { recovery_code: code, expires_in_minutes: minutes },
  }),
  recoveryLink: (url: string, minutes: number): Template => ({
    type: 'recovery_valid',
    subject: 'Recover access to your account',
    body: recoveryLinkBody(url, minutes),
    html: recoveryLinkBody(anchor(url), minutes).replace(/\n$/, ''),
    data: { recovery_url: url, expires_in_minutes: minutes },
  }),
  recoveryUnknown: (type: 'recovery_code_invalid' | 'recovery_invalid'): Template => ({
    type,
    subject: 'Account access attempted',
    body: `Hi,\n\nyou (or someone else) entered this email address when trying to recover access to an account.\n\nHowever, this email address is not on our database of registered users and therefore the attempt has failed.${UNKNOWN}`,
    data: {},
  }),
  verificationCode: (code: string, url: string, minutes: number): Template => ({
    type: 'verification_code_valid',
    subject: `Use code ${code} to verify your account`,
    body: verificationCodeBody(code, url, minutes),
    html: verificationCodeBody(code, anchor(url), minutes),
    sms: `Your verification code is: ${code}\n\nIf this was not you, do nothing. It expires in ${minutes} minutes.\n`,
    data: { verification_code: code, verification_url: url, expires_in_minutes: minutes },
  }),
  verificationLink: (url: string, minutes: number): Template => ({
    type: 'verification_valid',
    subject: 'Please verify your email address',
    body: verificationLinkBody(url, minutes),
    html: verificationLinkBody(anchor(url), minutes),
    data: { verification_url: url, expires_in_minutes: minutes },
  }),
  verificationUnknown: (type: 'verification_code_invalid' | 'verification_invalid'): Template => ({
    type,
    subject: 'Someone tried to verify this email address',
    body: VERIFICATION_UNKNOWN[type],
    data: {},
  }),
  registrationCode: (code: string, minutes: number): Template => ({
    type: 'registration_code_valid',
    subject: `Use code ${code} to complete your account registration`,
    body:
      `Complete your account registration with the following code:\n\n${code}\n\nThis code expires in ${minutes} minutes.\n`,
    sms: `Your registration code is: ${code}\n\nIt expires in ${minutes} minutes.\n`,
    data: { registration_code: code, expires_in_minutes: minutes },
  }),
  loginCode: (code: string, minutes: number): Template => ({
    type: 'login_code_valid',
    subject: `Use code ${code} to log in`,
    body: `Login to your account with the following code:\n\n${code}\n\nIt expires in ${minutes} minutes.\n`,
    sms: `Your login code is: ${code}\n\nIt expires in ${minutes} minutes.\n`,
    data: { login_code: code, expires_in_minutes: minutes },
  }),
}
