import { CONNECTIONS, type PlannedRequest } from './load.js'
import { identityOf, tokenOf } from './sessions.mjs'

export const WHOAMI_PATH = '/api/auth/whoami'

/**
 * With so many sessions in turn none is asked for again while a request of its own is under way: nothing can be shared.
 */
export const UNSHARED = 1024
/** 20,032: 313 sessions for each connection. */
export const MANY = CONNECTIONS * 313

const LOGIN_FLOW_ID = '77d1b512-3207-4f23-81ed-7fd35915a4f0'
const idMember = (id: string): string => `"id":"${id}"`
const times = <T>(count: number, make: (number: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index + 1))

const guarded = (path: string, number: number): PlannedRequest => ({
  method: 'GET',
  path,
  headers: { 'x-session-token': tokenOf(number) },
  expects: idMember(identityOf(number)),
})

/** One request for each of so many sessions. */
export const sessions = (count: number, path = WHOAMI_PATH): PlannedRequest[] =>
  times(count, (number) => guarded(path, number))

/** Session tokens of a real Kratos, whose identities only it knows: the answer has to be some session. */
export const tokens = (list: readonly string[], path: string, expects: string): PlannedRequest[] =>
  list.map((token) => ({
    method: 'GET',
    path,
    headers: { 'x-session-token': token, accept: 'application/json' },
    expects,
  }))

/** The list of documents of so many users, who have none. */
export const documentLists = (count: number): PlannedRequest[] =>
  times(count, (number) => ({
    ...guarded('/api/documents', number),
    expects: `"user_id":"${identityOf(number)}"`,
  }))

/** The service's route without guard. */
export const ALIVE: PlannedRequest[] = [{ method: 'GET', path: '/health/alive', headers: {}, expects: '"status":"ok"' }]

function login (number: number): PlannedRequest {
  const body = JSON.stringify({
    flow_id: LOGIN_FLOW_ID,
    identifier: `user-${number}@example.test`,
    password: 'Xq7-velvet-harbor-42',
  })
  return {
    method: 'POST',
    path: '/api/auth/flows/login',
    headers: { 'content-type': 'application/json' },
    body,
    expects: idMember(identityOf(0)),
  }
}

/** Logins of so many users, with a flow each that Kratos has handed out before. */
export const logins = (count: number): PlannedRequest[] => times(count, login)

function mixedRequest (number: number, share: number): PlannedRequest {
  if (share === 0) { return { method: 'GET', path: '/api/auth/flows/login', headers: {}, expects: '/self-service/login?flow=' } }
  if (share === 5) return login(number)
  if (share === 8 || share === 18) { return { ...guarded('/api/documents', number), expects: `"user_id":"${identityOf(number)}"` } }
  return guarded(WHOAMI_PATH, number)
}

/**
 * Of twenty requests sixteen ask whoami, two list documents, one starts a login and one completes it. The order gives
 * each of 64 connections that takes every 64th request the same mix.
 */
export const mixed = (): PlannedRequest[] =>
  times(CONNECTIONS * 20, (number) => {
    const position = number - 1
    return mixedRequest(number, (position + 5 * Math.floor(position / CONNECTIONS)) % 20)
  })
