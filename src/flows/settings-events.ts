import type { FastifyRequest } from 'fastify'
import { type AuthEventType, ownerOf, recordAuthEvent } from '../http/auth-events.js'
import { authEvents, kratosCredential, kratosScope, ownKratos } from '../http/own-names.js'
import type { Answer } from '../kratos-client/answer.js'
import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
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

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '' && value !== false

const changesPassword = ({ method, password }: JsonObject): boolean =>
  method === 'password' || (method === undefined && isGiven(password))

export interface SettingsWatch {
  /** What a submit of settings has changed. */
  tell: (answer: Answer) => Promise<void>
}

const NOBODY_LISTENS: SettingsWatch = { tell: async () => {} }

/**
 * Looks before a submit of settings at what it may end. Whether a new password ends the other sessions is Kratos'
 * configuration, and its answer does not say so: they are listed before and after.
 */
export async function watchSettings (request: FastifyRequest, body: JsonObject): Promise<SettingsWatch> {
  if (request.server[authEvents] === undefined) return NOBODY_LISTENS

  async function otherSessions (): Promise<JsonObject[] | undefined> {
    const { [ownKratos]: kratos } = request.server
    const answer = await kratos.listOtherSessions(request[kratosCredential](), request[kratosScope]())
    const list = answer.kind === 'ok' ? answer.body['sessions'] : undefined
    return Array.isArray(list) ? list.filter(isRecord) : undefined
  }

  const before = changesPassword(body) ? await otherSessions() ?? [] : []

  async function tell (answer: Answer): Promise<void> {
    if (answer.kind !== 'ok' || answer.body['state'] !== 'success') return
    const { identityId } = ownerOf(answer.body)
    for (const [member, type, method] of FACTOR_CHANGES) {
      if (isGiven(body[member])) recordAuthEvent(request, { type, method, identityId })
    }
    const after = before.length > 0 ? await otherSessions() : undefined
    if (after === undefined) return
    const left = new Set(after.map(({ id }) => id))
    const ended = before.filter(({ id }) => !left.has(id))
    tellEnded(request, 'password_changed', ended.map((session) => ({ ...ownerOf(session), identityId })))
  }

  return { tell }
}
