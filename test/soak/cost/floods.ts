import { randomBytes, randomUUID } from 'node:crypto'
import { type Attack, bearer, flood, get, MIX_MS, once, post, repeat, send, SINGLE_MS, type Target } from './attack.js'
import { REQUESTS } from './requests.js'

const HALF_A_SESSION = (): string => `ory_st_${randomBytes(24).toString('hex')}`
const inTurn = (target: Target, index: number): string => {
  const requests = Object.values(REQUESTS)
  return requests[index % requests.length]?.(target) ?? ''
}

/** Tells the one that took longest. */
async function oneByOne (target: Target): Promise<void> {
  const longest = { name: '', ms: 0 }
  const all = Object.entries(REQUESTS)
  for (let turn = 0; !target.signal.aborted; turn++) {
    const [name, request] = all[turn % all.length] ?? ['', () => '']
    const start = performance.now()
    await once(target, request(target))
    const ms = Math.round(performance.now() - start)
    if (ms <= longest.ms) continue
    Object.assign(longest, { name, ms })
    process.send?.(`${name}, ${ms} ms`)
  }
}

const KRATOS_PATHS = [
  ['GET', '/kratos/sessions/whoami'],
  ['GET', '/kratos/self-service/login/api'],
  ['POST', '/kratos/self-service/login?flow=x'],
  ['PUT', '/kratos/self-service/settings?flow=x'],
  ['GET', '/kratos/self-service/logout/browser'],
  ['DELETE', '/kratos/sessions'],
  ['PATCH', '/kratos/schemas/default'],
  ['GET', '/kratos/.well-known/ory/webauthn.js'],
] as const
const kratosRequest = (index: number): string => {
  const [method, path] = KRATOS_PATHS[index % KRATOS_PATHS.length] ?? KRATOS_PATHS[0]
  return method === 'GET'
    ? get(path, bearer(HALF_A_SESSION()))
    : send(method, path, { method: 'password', identifier: randomUUID(), password: 'x' }, `Content-Type: application/json\r\n${bearer(HALF_A_SESSION())}`)
}

/** What is asked again and again, from many connections or many times on one. */
export const FLOODS: Attack[] = [
  { name: 'each request by itself', mayAdd: SINGLE_MS, run: oneByOne },
  { name: 'all requests at once', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 48, request: (index) => inTurn(target, index) }) },
  { name: 'lists of documents', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 48, request: () => get('/api/documents?limit=100', bearer(target.tokens[0] ?? '')) }) },
  { name: 'documents without end', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 16, request: () => post('/api/documents', { title: 't', content: 'x'.repeat(200_000) }, bearer(target.tokens[1] ?? '')) }) },
  { name: 'ready', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 6, batch: 16, request: () => get('/health/ready') }) },
  { name: 'made-up tokens', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 300, request: () => get('/api/auth/whoami', bearer(HALF_A_SESSION())) }) },
  { name: 'made-up tokens from a thousand addresses', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 300, request: () => get('/api/auth/sessions', bearer(HALF_A_SESSION())), localAddress: (n) => `127.2.${n % 4}.${1 + n % 250}` }) },
  { name: 'kratos', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 100, request: kratosRequest }) },
  { name: 'kratos from 100 addresses', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 100, request: kratosRequest, localAddress: (n) => `127.3.0.${1 + n}` }) },
  { name: 'settings without a session', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 90, request: () => post('/api/auth/flows/settings', { flow_id: randomUUID(), method: 'profile' }) }) },
  { name: 'starts of flows', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 64, request: () => get('/api/auth/flows/login'), localAddress: (n) => `127.4.0.${1 + n}` }) },
  { name: 'logins from 20 addresses', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 20, request: () => post('/api/auth/flows/login', { flow_id: randomUUID(), identifier: `${randomUUID()}@example.com`, password: 'x' }), localAddress: (n) => `127.5.0.${1 + n}` }) },
  { name: 'HEAD and OPTIONS', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 64, request: (n) => get(['/api/auth/whoami', '/health/ready', '/api/documents', '/*'][n % 4] ?? '', `Origin: http://localhost:3001\r\nAccess-Control-Request-Method: POST\r\n${bearer(HALF_A_SESSION())}`, n % 2 === 0 ? 'HEAD' : 'OPTIONS') }) },
  { name: 'paths and methods that are not there', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 64, request: (n) => send(['PUT', 'DELETE', 'PATCH', 'TRACE'][n % 4] ?? '', ['/api/auth/logout/', `/${randomUUID()}`, `/api/documents/${'x'.repeat(400)}`][n % 3] ?? '', '{}') }) },
  { name: '32 requests in a packet', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 32, batch: 32, request: () => get('/health/alive') }) },
  { name: '2,000 requests in a packet', mayAdd: MIX_MS, run: (target) => flood(target, { connections: 8, request: () => repeat(2000, () => get('/api/auth/whoami')).join('') }) },
]
