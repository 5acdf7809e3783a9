import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ManualClock } from './clock.js'
import type { Json, JsonObject } from './types.js'

export interface Issuer {
  /** `host:port` */
  address: string
  close: () => Promise<void>
}

/**
 * A minimal OpenID Connect issuer: discovery, keys, and a token endpoint with the claims for the code. The recorder
 * called the callback itself, so the authorization endpoint is never called.
 */
export async function startIssuer (claimsByCode: Record<string, JsonObject>, clock: ManualClock): Promise<Issuer> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const server = createServer((request, response) => {
    answer(request, response).catch(() => {
      response.destroy()
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const claims = new Map<string, JsonObject>()

  async function answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    clock.touch()
    const path = new URL(request.url ?? '/', `http://${address}`).pathname
    if (path === '/.well-known/openid-configuration') {
      sendJson(response, 200, discovery(`http://${address}`))
    } else if (path === '/jwks') {
      sendJson(response, 200, {
        keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'key-1', use: 'sig', alg: 'RS256' } as JsonObject],
      })
    } else if (path === '/token') {
      sendToken(response, await formOf(request))
    } else if (path === '/userinfo') {
      sendJson(response, 200, claims.get((request.headers.authorization ?? '').replace(/^Bearer /i, '')) ?? {})
    } else {
      sendJson(response, 404, {})
    }
    clock.touch()
  }

  function sendToken (response: ServerResponse, form: URLSearchParams): void {
    const code = form.get('code') ?? ''
    const own = claimsByCode[code]
    if (own === undefined) {
      sendJson(response, 400, { error: 'invalid_grant' })
      return
    }
    const now = Math.floor(clock.now() / 1000)
    claims.set(`access-${code}`, own)
    const idToken = sign(
      { iss: `http://${address}`, aud: 'dummy-client', iat: now, exp: now + 3600, ...own },
      privateKey,
    )
    sendJson(response, 200, {
      access_token: `access-${code}`,
      token_type: 'Bearer',
      expires_in: 3600,
      id_token: idToken,
    })
  }

  return {
    address,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => {
        server.close(resolve)
      })
    },
  }
}

function discovery (issuer: string): JsonObject {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/jwks`,
    userinfo_endpoint: `${issuer}/userinfo`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  }
}

function sign (claims: JsonObject, key: KeyObject): string {
  const encode = (value: Json): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const content = `${encode({ alg: 'RS256', kid: 'key-1', typ: 'JWT' })}.${encode(claims)}`
  return `${content}.${createSign('RSA-SHA256').update(content).sign(key, 'base64url')}`
}

async function formOf (request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
}

function sendJson (response: ServerResponse, status: number, body: JsonObject): void {
  response.writeHead(status, { 'Content-Type': 'application/json' })
  response.end(JSON.stringify(body))
}
