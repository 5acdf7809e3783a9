import { createHash } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { Agent, request } from 'undici'
import type { EventRecord } from '../store/store.js'
import type { EventHandler } from './handler.js'

export interface WebhookTargetOptions {
  url: string
  /** `whsec_…`; several while one is rotated: a receiver finds its own. */
  secrets: readonly string[]
}

export interface WebhookTarget {
  /** Of its subscriber: the host, and a digest of the address, which may hold a token. */
  name: string
  send: EventHandler
  close: () => Promise<void>
}

const CONNECTIONS = 8
/** Nobody reads what a receiver says. */
const MAX_ANSWER_BYTES = 64 * 1024

const bodyOf = (event: EventRecord): string =>
  JSON.stringify({ type: event.type, timestamp: event.occurred_at, data: event })

/** The word of a receiver that did not take an event: `HTTP_500`. */
function refusal (status: number): Error {
  return Object.assign(new Error('The receiver did not take the event'), { code: `HTTP_${status}` })
}

/** Standard Webhooks: the event's id is the message's, the same in all attempts. A redirect is a refusal. */
export function createWebhookTarget ({ url, secrets }: WebhookTargetOptions): WebhookTarget {
  const agent = new Agent({ connections: CONNECTIONS, connect: { timeout: 5000 } })
  const signers = secrets.map((secret) => new Webhook(secret))
  const digest = createHash('sha256').update(url).digest('hex').slice(0, 8)

  return {
    name: `webhook ${new URL(url).hostname.replaceAll(/[^\w.-]/g, '')} ${digest}`,
    send: async (event, { signal }) => {
      const body = bodyOf(event)
      const at = new Date()
      const { statusCode, body: answer } = await request(url, {
        dispatcher: agent,
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'fastify-kratos',
          'webhook-id': event.id,
          'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
          'webhook-signature': signers.map((signer) => signer.sign(event.id, at, body)).join(' '),
        },
        body,
        signal,
      })
      await answer.dump({ limit: MAX_ANSWER_BYTES, signal })
      if (statusCode < 200 || statusCode > 299) throw refusal(statusCode)
    },
    close: () => agent.destroy(),
  }
}
