import type { RawAnswer } from './normalise.js'
import { asObject as objectOf, isObject, type ClientName, type FlowChoice, type FlowName, type Json, type JsonObject } from './steps.js'
import { emailOf, type Known } from './values.js'

interface OpenFlow {
  id: string | undefined
  csrf: string | undefined
}

/** What one client keeps: its cookies, or its token, and the flows that it opened, newest first. */
export interface Client {
  cookies: Map<string, string>
  token: string | undefined
  flows: Map<FlowName, OpenFlow[]>
}

const PEOPLE = [1, 2, 3]
const UNKNOWN_ID = '11111111-2222-4333-8444-555555555555'

/** What the clients of a walk remember of the answers of one server. */
export function createMemory (known: Known) {
  const clients = new Map<ClientName, Client>()

  function clientOf (name: ClientName): Client {
    const client = clients.get(name) ?? { cookies: new Map(), token: undefined, flows: new Map() }
    clients.set(name, client)
    return client
  }

  /** As a browser keeps them. */
  function keepCookies (name: ClientName, { headers }: RawAnswer): void {
    const { cookies } = clientOf(name)
    for (const line of [headers['set-cookie'] ?? []].flat()) {
      const [pair = ''] = line.split(';')
      const at = pair.indexOf('=')
      if (/;\s*max-age=0(?:;|$)/i.test(line)) cookies.delete(pair.slice(0, at))
      else cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
  }

  function keepBody (name: ClientName, given: Json): void {
    const body = objectOf(given)
    const client = clientOf(name)
    const continued = [body['continue_with']].flat().map((item) => objectOf(item)['ory_session_token'])
    const token = [body['session_token'], ...continued].find((value) => typeof value === 'string')
    if (typeof token === 'string') client.token = token
    if (typeof body['id'] === 'string') keepFlow(client, body['id'], objectOf(body['ui']))
    if (isObject(body['session'])) known.session = String(body['session']['id'])
    keepIdentity(body['identity'])
    keepIdentity(objectOf(body['session'])['identity'])
  }

  function keepFlow (client: Client, id: string, ui: JsonObject): void {
    const kind = /self-service\/(\w+)\?/.exec(String(ui['action']))?.[1] as FlowName | undefined
    if (kind === undefined) return
    let csrf: string | undefined
    for (const node of [ui['nodes'] ?? []].flat()) {
      const attributes = objectOf(objectOf(node)['attributes'])
      if (attributes['name'] === 'csrf_token') csrf = String(attributes['value'])
      keepSecrets(String(attributes['id']), objectOf(attributes['text']))
    }
    known.flows.set(kind, id)
    const flows = client.flows.get(kind) ?? []
    if (!flows.some((flow) => flow.id === id)) client.flows.set(kind, [{ id, csrf }, ...flows])
  }

  function keepSecrets (node: string, text: JsonObject): void {
    if (node === 'totp_secret_key') known.totpSecret = String(text['text'])
    if (node !== 'lookup_secret_codes') return
    const secrets = [objectOf(text['context'])['secrets'] ?? []].flat()
    known.lookupSecrets = secrets.map((secret) => String(objectOf(objectOf(secret)['context'])['secret']))
  }

  /** People are known by their address. */
  function keepIdentity (identity: Json | undefined): void {
    const { id, traits } = objectOf(identity)
    const email = String(objectOf(traits)['email']).trim().toLowerCase()
    const person = PEOPLE.find((person) => email === emailOf(String(person), known))
    if (person !== undefined) known.identities.set(person, String(id))
  }

  function flowOf (name: ClientName, kind: FlowName, choice: FlowChoice | undefined): OpenFlow {
    const [newest, previous] = clientOf(name).flows.get(kind) ?? []
    const csrf = newest?.csrf
    if (choice === 'none') return { id: undefined, csrf }
    if (choice === 'unknown') return { id: UNKNOWN_ID, csrf }
    if (choice === 'malformed') return { id: 'x', csrf }
    return (choice === 'previous' ? previous : undefined) ?? newest ?? { id: UNKNOWN_ID, csrf }
  }

  return { clientOf, flowOf, keepBody, keepCookies, keepIdentity, forget: (name: ClientName) => clients.delete(name) }
}
