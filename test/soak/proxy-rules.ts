import { randomUUID } from 'node:crypto'
import http from 'node:http'
import https from 'node:https'
import type { Balancer } from './balancers.js'

export const OPERATOR_KEY = 'an-operator-key-of-the-soaks-0000000000001'
export const METRICS_TOKEN = 'a-metrics-token-of-the-soaks-00000000000002'
export const LARGE_BYTES = 1_000_000

/** Submits of one address in a minute. */
const PER_ADDRESS = 30
/** What must not be reached from outside, in the spellings that a router may read as the same path. */
const INTERNAL = [
  '/internal/events', '/metrics', '/%69nternal/events', '/met%72ics', '/internal%2fevents', '/internal/%65vents',
  '//internal/events', '/./internal/events', '/api/../internal/events', '/api/..%2finternal/events', '/metrics?x', '/internal;/events',
]

export interface ProxyRequest {
  method?: string
  path: string
  headers?: Record<string, string>
  body?: string
  from?: string
}

/** Status 0: the connection ended without an answer. */
export async function through (
  balancer: Balancer,
  { method = 'GET', path, headers = {}, body, from }: ProxyRequest,
  agent = balancer.agentFrom(from),
): Promise<{ status: number, text: string }> {
  const length = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
  const target = { agent, host: '127.0.0.1', port: balancer.port, method, path, headers: { ...length, ...headers } }
  return await new Promise((resolve) => {
    const request = (balancer.isTls ? https : http).request(target, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
      answer.on('error', () => resolve({ status: 0, text }))
    })
    request.on('error', () => resolve({ status: 0, text: '' })).end(body)
  })
}

/** What the examples promise besides that nothing is lost; each line is one promise that is broken. */
export async function brokenRules (balancer: Balancer): Promise<string[]> {
  const [one, another] = [`127.1.0.${balancer.port % 250}`, `127.2.0.${balancer.port % 250}`]
  const broken: string[] = []
  const submit = (from: string, forwarded: string) => through(balancer, {
    method: 'POST',
    path: '/api/auth/flows/login',
    from,
    headers: { 'x-forwarded-for': forwarded },
    body: JSON.stringify({ flow_id: randomUUID(), identifier: `${randomUUID()}@example.test`, password: 'Xq7-velvet' }),
  })
  for (const [path, key] of INTERNAL.flatMap((path) => [[path, OPERATOR_KEY], [path, METRICS_TOKEN]] as const)) {
    const { status } = await through(balancer, { path, headers: { authorization: `Bearer ${key}` } })
    if (status < 400) broken.push(`${path} is answered ${status}`)
  }
  const submits: number[] = []
  for (let number = 0; number <= PER_ADDRESS; number++) submits.push((await submit(one, `203.0.113.${number}`)).status)
  if (submits.indexOf(429) !== PER_ADDRESS) broken.push(`submits of one address are answered ${submits.join()}`)
  const { status: other } = await submit(another, one)
  if (other === 429) broken.push('the budget of one address is that of another')
  const documents = { method: 'POST', path: '/api/documents', headers: { 'x-session-token': `ory_st_${'a'.repeat(32)}` } }
  const large = await through(balancer, { ...documents, body: JSON.stringify({ title: 'x', content: 'x'.repeat(400_000) }) })
  if (large.status !== 413 || !large.text.includes('"code"')) broken.push(`a body of 400 kB is answered ${large.status} ${large.text.slice(0, 80)}`)
  const { text } = await through(balancer, { path: '/kratos/schemas/large' })
  if (text.length < LARGE_BYTES) broken.push(`of an answer of 1 MB ${text.length} bytes arrive`)
  return broken
}
