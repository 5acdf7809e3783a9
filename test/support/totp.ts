import type { FastifyInstance } from 'fastify'
import * as OTPAuth from 'otpauth'
import { post, startFlow } from './kratos.js'

interface Node {
  attributes: { id?: string, text?: { context?: { secret?: string } } }
}

/** What an authenticator app shows now. */
export const totpCode = (secret: string): string =>
  new OTPAuth.TOTP({ secret: OTPAuth.Secret.fromBase32(secret) }).generate()

/**
 * Sets up an authenticator app, which lifts the session to aal2 (docs/kratos-facts.md, section 13); gives its secret.
 */
export async function enrolTotp (app: FastifyInstance, cookie: string): Promise<string> {
  const { id, init } = await startFlow(app, 'settings', '', { cookie })
  const { data } = init.json<{ data: { ui: { nodes: Node[] } } }>()
  const secret =
    data.ui.nodes.find(({ attributes }) => attributes.id === 'totp_secret_key')?.attributes.text?.context?.secret ?? ''
  await post(app, '/api/auth/flows/settings', { flow_id: id, method: 'totp', totp_code: totpCode(secret) }, { cookie })
  return secret
}
