// No framework and no promise: node:http and undici's `dispatch`, the least that a guard in Node can cost.
import { createServer } from 'node:http'
import { Pool } from 'undici'
import { profile, UNAUTHORIZED } from './profile.mjs'

const { PORT, KRATOS_URL } = process.env
const kratos = new Pool(KRATOS_URL, { connections: 64 })

function send (response, status, value) {
  const body = JSON.stringify(value)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  }).end(body)
}

function handlerOf (response) {
  let status = 0
  const chunks = []
  return {
    onRequestStart () {},
    onResponseStart (_controller, statusCode) {
      status = statusCode
    },
    onResponseData (_controller, chunk) {
      chunks.push(chunk)
    },
    onResponseEnd () {
      if (status !== 200) return send(response, status, UNAUTHORIZED)
      send(response, 200, profile(JSON.parse((chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)).toString())))
    },
    onResponseError () {
      send(response, 502, {})
    },
  }
}

createServer((request, response) => {
  if (request.method !== 'GET' || request.url !== '/api/auth/whoami') return send(response, 404, {})
  const headers = { 'x-session-token': request.headers['x-session-token'] ?? '' }
  kratos.dispatch({ method: 'GET', path: '/sessions/whoami', headers }, handlerOf(response))
}).listen(Number(PORT), '127.0.0.1')
