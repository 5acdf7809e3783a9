import type { FastifyRequest } from 'fastify'
import { ownerOf } from '../http/auth-events.js'
import { authEvents, kratosCaller, ownKratos } from '../http/own-names.js'
import { isRecord, type JsonObject } from '../kratos-client/kratos-body.js'
import type { StreamedAnswer } from '../kratos-client/streamed-call.js'
import { isUuid } from '../patterns.js'
import { tellEnded } from './login-events.js'
import { flowIdIn, isJsonStep, objectIn, queryIn, submittedMembers, withQuery } from './proxied-login.js'
import { otherSessions, watchSettings } from './settings-events.js'

export interface ProxiedRequest {
  method: string
  /** Of Kratos, with its query. */
  path: string
  body: Buffer | null
}

/** What a request below /kratos/ may end or change, apart from logins and logouts. */
export interface ProxiedWatch {
  /** Whether the answer has to be read whole. */
  readsAnswer: (answer: StreamedAnswer) => boolean
  /** @param whole the body, where it was read */
  tell: (answer: StreamedAnswer, whole: Buffer | undefined) => Promise<void>
}

const NOTHING: ProxiedWatch = { readsAnswer: () => false, tell: async () => {} }

/** Kratos says "done" of a stranger's session too, and leaves it alone (docs/kratos-facts.md, section 12). */
async function watchRevocation (request: FastifyRequest, id: string | undefined): Promise<ProxiedWatch> {
  const others = await otherSessions(request) ?? []
  const ended = id === undefined ? others : others.filter((session) => session['id'] === id.toLowerCase())
  return {
    ...NOTHING,
    tell: async ({ status }) => {
      if (status < 300) tellEnded(request, 'revoked', ended.map(ownerOf))
    },
  }
}

/** Undefined for what cannot be read: Kratos says so as well. */
function membersOf (request: FastifyRequest, { path, body }: ProxiedRequest): JsonObject {
  try {
    const members = submittedMembers(body, request.headers['content-type'])
    const all = withQuery(members, queryIn(path))
    return isRecord(all) ? all : {}
  } catch {
    return {}
  }
}

/** A form's redirect is the same for a success and a refusal: the flow itself says which it was. */
async function watchSettingsForm (request: FastifyRequest, proxied: ProxiedRequest): Promise<ProxiedWatch> {
  const watch = await watchSettings(request, membersOf(request, proxied))
  if (!watch.isWanted) return NOTHING

  async function fetchFlow (): Promise<JsonObject | undefined> {
    const id = flowIdIn(queryIn(proxied.path))
    if (id === undefined || !isUuid(id)) return undefined
    const answer = await request.server[ownKratos].fetchFlow('settings', id, request[kratosCaller]())
    return answer.kind === 'ok' ? answer.body : undefined
  }

  return {
    readsAnswer: isJsonStep,
    tell: async (answer, whole) => {
      await watch.tell(answer.status === 303 ? await fetchFlow() : objectIn(whole))
    },
  }
}

export async function watchProxied (request: FastifyRequest, proxied: ProxiedRequest): Promise<ProxiedWatch> {
  const { method, path } = proxied
  if (request.server[authEvents] === undefined || method === 'GET') return NOTHING
  const [, id] = /^\/sessions(?:\/([^/?]+))?(?:\?|$)/.exec(path) ?? [undefined, null]
  if (method === 'DELETE' && id !== null) return await watchRevocation(request, id)
  return /^\/self-service\/settings(?:\?|$)/.test(path) ? await watchSettingsForm(request, proxied) : NOTHING
}
