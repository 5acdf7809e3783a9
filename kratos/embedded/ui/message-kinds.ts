import { rfc3339 } from '../clock.js'
import type { JsonObject } from '../json.js'

export interface UiMessage {
  id: number
  text: string
  type: 'info' | 'error' | 'success'
  context?: JsonObject
}

export const info = (id: number, text: string, context?: JsonObject): UiMessage => ({
  id,
  text,
  type: 'info',
  ...(context === undefined ? {} : { context }),
})
export const success = (id: number, text: string, context?: JsonObject): UiMessage => ({
  ...info(id, text, context),
  type: 'success',
})
export const failure = (id: number, text: string, context?: JsonObject): UiMessage => ({
  ...info(id, text, context),
  type: 'error',
})

export const expired = (id: number, flow: string) => (expiredAt: number, now: number): UiMessage =>
  failure(id, `The ${flow} flow expired ${((now - expiredAt) / 60_000).toFixed(2)} minutes ago, please try again.`, {
    expired_at: rfc3339(expiredAt),
    expired_at_unix: Math.floor(expiredAt / 1000),
  })

export const removeKey = (id: number, kind: string, name: string, addedAt: string): UiMessage =>
  info(id, `Remove ${kind} "${name}"`, {
    added_at: addedAt,
    added_at_unix: Math.floor(Date.parse(addedAt) / 1000),
    display_name: name,
  })

export const wasSent = (what: string): string =>
  `An email containing a ${what} has been sent to the email address you provided. If you have not received an email, check the spelling of the address and make sure to use the address you registered with.`
export const isSpent = (what: string): string => `The ${what} is invalid or has already been used. Please try again.`
export const COMPLETED = 'The request was already completed successfully and can not be retried.'
