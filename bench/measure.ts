import { setTimeout as sleep } from 'node:timers/promises'
import type { Load, LoadPlan, PlannedRequest } from './load.js'
import type { Program } from './process.js'

/** The figures of one target in one round. */
export interface Sample {
  /** Requests per second. */
  rate?: number
  p50Ms?: number
  p99Ms?: number
  /** CPU time of the target's process per request, in microseconds. */
  cpuUs?: number
  /** Resident memory right after the load. */
  rssMb?: number
  /** Resident memory before the first request. */
  idleMb?: number
  /** Memory that came on top. */
  growthMb?: number
  /** Calls to Kratos per request. */
  calls?: number
}

/** The target answered wrongly: its speed means nothing. */
export class WrongAnswerError extends Error {
  override name = 'WrongAnswerError'
}

export interface Subject {
  url: string
  requests: readonly PlannedRequest[]
  /** Whether a session that nobody knows has to be refused. */
  isGuarded: boolean
  /** Absent for a server that is not ours. */
  program?: Program
  /** Calls that arrived at Kratos so far. */
  kratosCalls?: () => Promise<number>
}

/** Requests that are sent at the same time to look at their answers: no two users must be mixed up. */
const PROBES = 64
const PROBE_LIMIT_MS = 10_000
/**
 * A load ends in the middle of its last requests. A login that nobody waits for goes on to its end, and would be one
 * too many beside the probes.
 */
const PAUSE_MS = 500
/** Characters of a wrong answer that are shown. */
const SHOWN = 160
export const UNKNOWN_TOKEN = 'ory_st_nobodyknowsthissessionatall000000'

async function ask (
  url: string,
  { method, path, headers, body }: PlannedRequest,
): Promise<{ status: number, text: string }> {
  try {
    const answer = await fetch(url + path, {
      method,
      headers,
      ...(body !== undefined && { body }),
      redirect: 'manual',
      signal: AbortSignal.timeout(PROBE_LIMIT_MS),
    })
    return { status: answer.status, text: await answer.text() }
  } catch (error) {
    const { cause = error } = error as Error
    throw new WrongAnswerError(`${method} ${path} was not answered: ${String(cause)}`)
  }
}

async function probe (url: string, request: PlannedRequest): Promise<void> {
  const { status, text } = await ask(url, request)
  const question = `${request.method} ${request.path}`
  if (status !== 200) throw new WrongAnswerError(`${question} answered ${status}: ${text.slice(0, SHOWN)}`)
  if (!text.includes(request.expects)) { throw new WrongAnswerError(`${question} answered 200 without ${request.expects}: ${text.slice(0, SHOWN)}`) }
}

async function probeGuard (url: string, request: PlannedRequest): Promise<void> {
  const { status } = await ask(url, { ...request, headers: { ...request.headers, 'x-session-token': UNKNOWN_TOKEN } })
  if (status !== 401) { throw new WrongAnswerError(`${request.method} ${request.path} answered ${status}, not 401, to an unknown session`) }
}

/** @throws WrongAnswerError unless every answer is 200 and holds the right user, and an unknown session is refused */
export async function verify ({ url, requests, isGuarded }: Subject): Promise<void> {
  await Promise.all(requests.slice(0, PROBES).map((request) => probe(url, request)))
  const last = requests.at(-1)
  if (last === undefined) throw new Error('nothing to ask for')
  await probe(url, last)
  if (isGuarded) await probeGuard(url, last)
}

/**
 * Loads a subject once and gives its figures.
 * @throws WrongAnswerError when it answers wrongly before, during or after the load
 */
export async function measure (subject: Subject, load: Load, how: Omit<LoadPlan, 'url' | 'requests'>): Promise<Sample> {
  const { url, requests, program, kratosCalls } = subject
  await verify(subject)
  program?.trimLog()
  const callsBefore = await kratosCalls?.()
  const before = program?.usage()
  const result = await load({ url, requests, ...how })
  const after = program?.usage()
  const callsAfter = await kratosCalls?.()
  if (result.bad + result.broken > 0 || result.requests === 0) {
    throw new WrongAnswerError(
      `of ${result.requests} requests under load ${result.bad} were answered with another status than 2xx and ${result.broken} not at all`,
    )
  }
  await sleep(PAUSE_MS)
  await verify(subject)
  return {
    rate: result.requests / result.seconds,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    ...(before !== undefined && after !== undefined &&
      { cpuUs: (after.cpuUs - before.cpuUs) / result.requests, rssMb: after.rssMb }),
    ...(callsBefore !== undefined && callsAfter !== undefined &&
      { calls: (callsAfter - callsBefore) / result.requests }),
  }
}
