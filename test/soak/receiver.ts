import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'

interface Received {
  id: string
  type: string
  identity_id: string | null
  request_id: string | null
}

export interface Receiver {
  url: string
  secret: string
  /** Events by their id: how often each came. */
  times: Map<string, number>
  /** Identities of which an event of this type came. */
  identitiesOf: (type: string) => Set<string | null>
  /** Requests of which an event of this type came. */
  requestsOf: (type: string) => Set<string | null>
  /** Changes of users whom nobody had been told of. */
  outOfOrder: () => number
  /** Deliveries that were under way at the same time as another one of the same event. */
  clashes: () => number
  stop: () => void
}

/** Takes signed webhooks; each answer takes a moment, and one in `refuseEvery` is a refusal. */
export async function startReceiver (
  { delayMs, refuseEvery }: { delayMs: number, refuseEvery: number },
): Promise<Receiver> {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const webhook = new Webhook(secret)
  const events = new Map<string, Received>()
  const times = new Map<string, number>()
  const underWay = new Set<string>()
  const users = new Set<string | null>()
  let [count, clashes, outOfOrder] = [0, 0, 0]

  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const headers = request.headers as Record<string, string>
    const { data } = webhook.verify(Buffer.concat(chunks).toString(), headers) as { data: Received }
    if (underWay.has(data.id)) clashes++
    underWay.add(data.id)
    await new Promise((resolve) => setTimeout(resolve, delayMs))
    underWay.delete(data.id)
    const isRefused = ++count % refuseEvery === 0
    if (!isRefused) {
      if (data.type === 'user.created') users.add(data.identity_id)
      if (data.type === 'user.updated' && !users.has(data.identity_id)) outOfOrder++
      events.set(data.id, data)
      times.set(data.id, (times.get(data.id) ?? 0) + 1)
    }
    response.writeHead(isRefused ? 500 : 204).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  const ofType = (type: string): Received[] => [...events.values()].filter((event) => event.type === type)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    secret,
    times,
    identitiesOf: (type) => new Set(ofType(type).map(({ identity_id: id }) => id)),
    requestsOf: (type) => new Set(ofType(type).map(({ request_id: id }) => id)),
    outOfOrder: () => outOfOrder,
    clashes: () => clashes,
    stop: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
