// A static stand-in for Kratos: the recorded answers of a real one, read once and patched with the caller's identity.
// Bare net instead of node:http, because it shares the machine with what is measured. It knows one request at a time
// per connection and bodies with Content-Length, which is what HTTP clients send it here.
//
// Environment: PORT, SESSION_CACHE_FOR (seconds; sends `Ory-Session-Cache-For`, as Kratos does with cacheable
// sessions).
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { IDENTITY_PREFIX } from './sessions.mjs'

const { PORT, SESSION_CACHE_FOR } = process.env
const DAY_MS = 86_400_000

/** The body of a recorded step, `test/recordings/<file>.json`. */
function recorded (file, step, status) {
  const { exchanges } = JSON.parse(readFileSync(join(import.meta.dirname, `../test/recordings/${file}.json`), 'utf8'))
  return exchanges.find((exchange) => exchange.step === step && exchange.response.status === status).response.body
}

/** A recorded session with the times of today and all four traits of the whoami answer. */
function renewed (session) {
  const now = new Date().toISOString()
  const traits = { email: 'ada@example.test', username: 'ada', first_name: 'Ada', last_name: 'Lovelace' }
  return {
    ...session,
    expires_at: new Date(Date.now() + DAY_MS).toISOString(),
    authenticated_at: now,
    issued_at: now,
    identity: { ...session.identity, id: `${IDENTITY_PREFIX}000000000000`, traits },
  }
}

const SESSION = JSON.stringify(renewed(recorded('36-whoami-cacheable-sessions', 'token', 200)))
const login = recorded('10-api-login', 'success', 200)
const LOGIN = JSON.stringify({ ...login, session: renewed(login.session) })
const LOGIN_FLOW = JSON.stringify(recorded('10-api-login', 'init', 200))
const UNAUTHORIZED = JSON.stringify(recorded('36-whoami-cacheable-sessions', 'unknown token', 401))
const INACTIVE = JSON.stringify(recorded('33-whoami-expired', 'logout init with the expired cookie', 401))
const BAD_REQUEST = '{"error":{"code":400,"status":"Bad Request","message":"not the body of a password login"}}'
const NOT_FOUND = '404 page not found'

let date = new Date().toUTCString()
setInterval(() => {
  date = new Date().toUTCString()
}, 1000).unref()

const calls = { whoami: 0, login: 0, flow: 0 }
const cacheFor = SESSION_CACHE_FOR ? `Ory-Session-Cache-For: ${SESSION_CACHE_FOR}\r\n` : ''
const SESSION_HEADERS =
  `Cache-Control: private, no-cache, no-store, must-revalidate\r\n${cacheFor}Vary: Cookie\r\nX-Kratos-Authenticated-Identity-Id: `

const answer = (status, body, headers = '') =>
  `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\n${headers}Date: ${date}\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/**
 * Sessions of the benchmark end in their number, which becomes the end of the identity's id; all others are unknown.
 */
const TOKEN = /\r\nx-session-token: ?ory_st_bench0{15}(\d{12})\r\n/i
const [beforeId, afterId] = SESSION.split('000000000000', 2)

function whoami (head) {
  calls.whoami++
  const number = TOKEN.exec(head)?.[1]
  if (number === undefined) return answer('401 Unauthorized', UNAUTHORIZED)
  return answer('200 OK', beforeId + number + afterId, `${SESSION_HEADERS}${IDENTITY_PREFIX}${number}\r\n`)
}

const confirmation = (head) =>
  TOKEN.test(head) ? answer('200 OK', '{}', 'Vary: Cookie\r\n') : answer('401 Unauthorized', INACTIVE)

function submitLogin (body) {
  calls.login++
  const isComplete = body.includes('"method":"password"') && body.includes('"identifier":"') &&
    body.includes('"password":"')
  return isComplete ? answer('200 OK', LOGIN, 'Vary: Cookie\r\n') : answer('400 Bad Request', BAD_REQUEST)
}

function startLogin () {
  calls.flow++
  return answer('200 OK', LOGIN_FLOW, 'Vary: Cookie\r\n')
}

function respond (head, body) {
  if (head.startsWith('GET /sessions/whoami ')) return whoami(head)
  if (head.startsWith('HEAD /sessions/whoami ')) return whoami(head).split('\r\n\r\n', 1)[0] + '\r\n\r\n'
  if (head.startsWith('POST /self-service/login?flow=')) return submitLogin(body)
  if (head.startsWith('GET /self-service/login/api ')) return startLogin()
  // The service confirms each 401 of whoami here.
  if (head.startsWith('GET /self-service/logout/browser ')) return confirmation(head)
  if (head.startsWith('GET /health/ready ')) return answer('200 OK', '{"status":"ok"}')
  if (head.startsWith('GET /bench/calls ')) return answer('200 OK', JSON.stringify(calls))
  return answer('404 Not Found', NOT_FOUND)
}

const lengthOf = (head) => head.startsWith('POST ') ? Number(/\r\ncontent-length: ?(\d+)\r\n/i.exec(head)?.[1] ?? 0) : 0

createServer({ noDelay: true }, (socket) => {
  let pending = ''
  socket.setEncoding('latin1')
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    pending += chunk
    for (let end = pending.indexOf('\r\n\r\n'); end >= 0; end = pending.indexOf('\r\n\r\n')) {
      const head = pending.slice(0, end + 2)
      const next = end + 4 + lengthOf(head)
      if (pending.length < next) return
      socket.write(respond(head, pending.slice(end + 4, next)), 'latin1')
      pending = pending.slice(next)
    }
  })
}).listen(Number(PORT), '127.0.0.1')
