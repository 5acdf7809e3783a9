import { randomUUID } from 'node:crypto'
import http from 'node:http'
import { repeat, wait } from './attack.js'

export interface Answer {
  /** 0: none came. */
  status: number
  cookies: string[]
  body: string
  ms: number
}

interface Question {
  port: number
  path: string
  method?: string
  headers?: Record<string, string>
  body?: object
  localAddress?: string
}

const NEVER_MS = 20_000

/** On a connection of its own, as from somebody who was not there before. */
export function ask ({ port, path, method = 'GET', headers = {}, body, localAddress }: Question): Promise<Answer> {
  const start = performance.now()
  const text = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve) => {
    const end = (status: number, cookies: string[] = [], received = ''): void =>
      resolve({ status, cookies, body: received, ms: performance.now() - start })
    const request = http.request({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent: false,
      localAddress,
      timeout: NEVER_MS,
      headers: { ...headers, ...(text !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }) },
    }, (answer) => {
      let received = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        received += part
      }).on('end', () => end(answer.statusCode ?? 0, answer.headers['set-cookie'], received)).on('error', () => end(0))
    })
    request.on('error', () => end(0)).on('timeout', () => request.destroy()).end(text)
  })
}

/** Asks for our health at a fixed pace, whatever became of the questions before; gives milliseconds. */
export async function probe (port: number, signal: AbortSignal): Promise<{ times: number[], failed: number }> {
  const PACE_MS = 25
  const asked: Array<Promise<Answer>> = []
  while (!signal.aborted) {
    asked.push(ask({ port, path: '/health/alive', localAddress: '127.1.255.1' }))
    await wait(PACE_MS, signal)
  }
  const answers = await Promise.all(asked)
  return { times: answers.map(({ ms }) => ms), failed: answers.filter(({ status }) => status !== 200).length }
}

export interface People {
  logins: number
  logouts: number
  /** What the service said instead, and how often. */
  failed: Record<string, number>
}

let visits = 0

/** Logs in and out, from an address that nobody had before. */
async function visit (port: number, people: People): Promise<void> {
  const user = ++visits
  const localAddress = `127.1.${Math.floor(user / 250) % 250}.${1 + user % 250}`
  const fail = (what: string, { status, body }: Answer): void => {
    const why = `${what} ${status} ${/"code":"(\w+)"/.exec(body)?.[1] ?? ''}`
    people.failed[why] = (people.failed[why] ?? 0) + 1
  }
  const login = { flow_id: randomUUID(), identifier: `user-${user}@example.test`, password: 'Xq7-velvet-harbor-42' }
  const entered = await ask({ port, method: 'POST', path: '/api/auth/flows/login', body: login, localAddress })
  people.logins++
  const cookie = entered.cookies.map((line) => line.split(';', 1)[0]).join('; ')
  if (entered.status !== 200 || cookie === '') return fail('login', entered)
  const left = await ask({ port, method: 'POST', path: '/api/auth/logout', body: {}, headers: { cookie }, localAddress })
  people.logouts++
  if (left.status !== 200) fail('logout', left)
}

const PEOPLE = 4
const PAUSE_MS = 100

export async function comeAndGo (port: number, signal: AbortSignal): Promise<People> {
  const people: People = { logins: 0, logouts: 0, failed: {} }
  await Promise.all(repeat(PEOPLE, async () => {
    while (!signal.aborted) {
      await visit(port, people)
      await wait(PAUSE_MS, signal)
    }
  }))
  return people
}
