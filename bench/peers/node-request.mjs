// No framework: node:http and undici's `request`, for the guard and for a proxied login. No deadline, no limit, no log,
// no checks.
import { createServer } from 'node:http'
import { Pool } from 'undici'
import { profile, UNAUTHORIZED } from './profile.mjs'

const { PORT, KRATOS_URL } = process.env
const kratos = new Pool(KRATOS_URL, { connections: 64 })

function send (response, status, value, headers = {}) {
  const body = JSON.stringify(value)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...headers,
  }).end(body)
}

async function whoami (request, response) {
  const headers = { 'x-session-token': request.headers['x-session-token'] ?? '' }
  const { statusCode, body } = await kratos.request({ method: 'GET', path: '/sessions/whoami', headers })
  const session = await body.json()
  if (statusCode === 200) send(response, 200, profile(session))
  else send(response, statusCode, UNAUTHORIZED)
}

async function jsonOf (request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

async function login (request, response) {
  const { flow_id: flow, identifier, password } = await jsonOf(request)
  const { statusCode, body } = await kratos.request({
    method: 'POST',
    path: `/self-service/login?${new URLSearchParams({ flow })}`,
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify({ method: 'password', identifier, password }),
  })
  const { session_token: token, ...data } = await body.json()
  if (statusCode !== 200) return send(response, statusCode, { success: false, ...data })
  const maxAge = Math.floor((Date.parse(data.session.expires_at) - Date.now()) / 1000)
  send(response, 200, { success: true, data: { ...data, next: 'done' } }, {
    'set-cookie': `ory_kratos_session=${token}; Max-Age=${maxAge}; Path=/; HttpOnly; SameSite=Lax`,
  })
}

const ROUTES = { 'GET /api/auth/whoami': whoami, 'POST /api/auth/flows/login': login }

createServer((request, response) => {
  const route = ROUTES[`${request.method} ${request.url}`]
  if (route === undefined) return send(response, 404, {})
  route(request, response).catch(() => send(response, 502, {}))
}).listen(Number(PORT), '127.0.0.1')
