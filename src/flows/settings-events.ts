import type { FastifyRequest } from 'fastify'
import { type AuthEventType, ownerOf, recordAuthEvent } from '../http/auth-events.js'
import { authEvents, kratosCredential, kratosScope, ownKratos } from '../http/own-names.js'
import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
import { withFoldedNames } from '../throttling/second-factor.js'
import { tellEnded } from './login-events.js'

/** Members of a submit that add or remove a second factor. */
const FACTOR_CHANGES: ReadonlyArray<[member: string, type: AuthEventType, method: string]> = [
  ['totp_code', 'second_factor.added', 'totp'],
  ['totp_unlink', 'second_factor.removed', 'totp'],
  ['lookup_secret_confirm', 'second_factor.added', 'lookup_secret'],
  ['lookup_secret_disable', 'second_factor.removed', 'lookup_secret'],
  ['webauthn_register', 'second_factor.added', 'webauthn'],
  ['webauthn_remove', 'second_factor.removed', 'webauthn'],
]

/** A form says `false` in letters. */
const isGiven = (value: unknown): boolean => ![undefined, null, '', false, 'false'].some((nothing) => nothing === value)

const changesPassword = ({ method, password }: JsonObject): boolean =>
  method === 'password' || (method === undefined && isGiven(password))

export interface SettingsWatch {
  /** Whether the submit would be an event. */
  isWanted: boolean
  /** What a submit of settings has changed. @param flow as it is afterwards; undefined: nothing was changed */
  tell: (flow: JsonObject | undefined) => Promise<void>
}

const NOBODY_LISTENS: SettingsWatch = { isWanted: false, tell: async () => {} }

/** Of the request's own session; undefined where Kratos does not say. */
export async function otherSessions (request: FastifyRequest): Promise<JsonObject[] | undefined> {
  const { [ownKratos]: kratos } = request.server
  const answer = await kratos.listOtherSessions(request[kratosCredential](), request[kratosScope]())
  const list = answer.kind === 'ok' ? answer.body['sessions'] : undefined
  return Array.isArray(list) ? list.filter(isRecord) : undefined
}

/**
 * Looks before a submit of settings at what it may end. Whether a new password ends the other sessions is Kratos'
 * configuration, and its answer does not say so: they are listed before and after.
 */
export async function watchSettings (request: FastifyRequest, submitted: JsonObject): Promise<SettingsWatch> {
  if (request.server[authEvents] === undefined) return NOBODY_LISTENS
  const body = withFoldedNames(submitted)
  const before = changesPassword(body) ? await otherSessions(request) ?? [] : []
  const factors = FACTOR_CHANGES.filter(([member]) => isGiven(body[member]))

  async function tell (flow: JsonObject | undefined): Promise<void> {
    if (flow?.['state'] !== 'success') return
    const { identityId } = ownerOf(flow)
    for (const [, type, method] of factors) recordAuthEvent(request, { type, method, identityId })
    const after = before.length > 0 ? await otherSessions(request) : undefined
    if (after === undefined) return
    const left = new Set(after.map(({ id }) => id))
    const ended = before.filter(({ id }) => !left.has(id))
    tellEnded(request, 'password_changed', ended.map((session) => ({ ...ownerOf(session), identityId })))
  }

  return { isWanted: before.length > 0 || factors.length > 0, tell }
}
