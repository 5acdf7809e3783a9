import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Accepted, Answer } from '../kratos-client/answer.js'
import type { FlowName } from '../kratos-client/caller.js'
import { isRecord } from '../kratos-client/kratos-body.js'
import { sessionToken } from '../kratos-client/session-token.js'

type Mistake = 'cookie_name' | 'session_hook'

/** Told once for each app: every answer would show it again. */
const told = new WeakMap<FastifyInstance, Set<Mistake>>()

const NAME_OF_COOKIE = /^([^=;\s]+)=[^;\s]/
/** Cookies of Kratos that belong to a flow. */
const isOfFlow = (name: string): boolean => /^csrf_token_|_continuity$/.test(name)

/** The session cookie that Kratos set under a name that is not ours. */
function foreignCookie ({ body, setCookie }: Accepted, cookieName: string): string | undefined {
  const names = setCookie.map((line) => NAME_OF_COOKIE.exec(line)?.[1]).filter((name) => name !== undefined)
  const isSessionElsewhere = isRecord(body['session']) && sessionToken(body) === undefined && !names.includes(cookieName)
  return isSessionElsewhere ? names.find((name) => !isOfFlow(name)) : undefined
}

const makesNoSession = ({ next, body, setCookie }: Accepted, cookieName: string): boolean =>
  next === 'done' && isRecord(body['identity']) && !isRecord(body['session']) && sessionToken(body) === undefined &&
  !setCookie.some((line) => line.startsWith(`${cookieName}=`))

/**
 * Tells of a Kratos whose configuration makes a login end in 401: nobody else would, because each answer by itself is
 * in order.
 */
export function adviseOnSessions (
  { server, log }: FastifyRequest,
  flow: FlowName,
  answer: Answer,
  cookieName: string,
): void {
  if (answer.kind !== 'ok') return
  const mistakes = told.get(server) ?? new Set()
  told.set(server, mistakes)
  const tell = (mistake: Mistake, text: string): void => {
    if (mistakes.has(mistake)) return
    mistakes.add(mistake)
    log.warn({ event: 'kratos_misconfigured', reason: mistake }, text)
  }
  const name = foreignCookie(answer, cookieName)
  if (name !== undefined) {
    tell('cookie_name', `Kratos' session cookie is called ${name} (session.cookie.name), and ours ${cookieName}: whoever logs in is not logged in`)
  }
  if (flow === 'registration' && name === undefined && makesNoSession(answer, cookieName)) {
    tell('session_hook', "A registration gave no session: Kratos' hook `session` is missing for its method, unless users are to log in after it")
  }
}
