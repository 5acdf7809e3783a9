import type { FlowName, Form, FormError, FormNode, KeyEntry, Offers, Provider } from './types.js'

const text = (value: unknown): string => typeof value === 'string' ? value : ''
const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? value as Record<string, unknown> : {}
const list = (value: unknown): unknown[] => Array.isArray(value) ? value : []

const labelContext = ({ meta }: FormNode): Record<string, unknown> => record(record(record(meta)['label'])['context'])

const valueIn = ({ attributes }: FormNode): string => text(attributes['value'])

/** A unix time in seconds, as Kratos' labels have it. */
const dateOf = (seconds: unknown): string | undefined =>
  typeof seconds === 'number' ? new Date(seconds * 1000).toISOString() : undefined

/** The number of Kratos' message that a log-in links a social account whose address has an account here already. */
const LINKS = 1010016

/** What a form holds besides its fields, so that no page has to read nodes. */
function offersOf (nodes: FormNode[], messages: unknown[]): Offers {
  const named = (name: string): FormNode[] => nodes.filter(({ attributes }) => attributes['name'] === name)
  const valueOf = (name: string): string => text(named(name)[0]?.attributes['value'])
  const shown = (id: string): Record<string, unknown> =>
    record(nodes.find(({ attributes }) => attributes['id'] === id)?.attributes)
  const providers = (name: string): Provider[] =>
    named(name).filter(({ group }) => group === 'oidc').map((node) => {
      const id = text(node.attributes['value'])
      return { id, label: text(labelContext(node)['provider']) || id }
    })
  const keys = (name: string): KeyEntry[] => named(name).map((node) => ({
    id: text(node.attributes['value']),
    name: text(labelContext(node)['display_name']),
    addedAt: dateOf(labelContext(node)['added_at_unix']),
    isLast: node.attributes['disabled'] === true,
  }))
  const codes = record(record(shown('lookup_secret_codes')['text'])['context'])['secrets']
  return {
    identifier: valueOf('identifier'),
    password: named('password').length > 0,
    code: named('method').some(({ group, attributes }) => group === 'code' && attributes['value'] === 'code'),
    link: named('method').some(({ group }) => group === 'link'),
    addresses: [
      ...named('address').map((node) => ({ id: valueIn(node), label: valueIn(node) })),
      ...named('recovery_select_address').map((node) => ({ id: valueIn(node), label: text(node.meta?.label?.text) })),
    ],
    passkey: valueOf('passkey_create_data') || valueOf('passkey_challenge'),
    providers: [...providers('provider'), ...providers('link')],
    linked: providers('unlink'),
    linksTo: text(record(record(messages.map(record).find(({ id }) => id === LINKS)?.['context']))['provider']),
    passkeys: keys('passkey_remove'),
    securityKey: valueOf('webauthn_login_trigger') || valueOf('webauthn_register_trigger'),
    securityKeys: keys('webauthn_remove'),
    totp: {
      isOn: named('totp_unlink').length > 0,
      secret: text(record(record(shown('totp_secret_key')['text'])['context'])['secret']),
      picture: text(shown('totp_qr')['src']),
    },
    backupCodes: {
      isOn: named('lookup_secret_disable').length > 0,
      codes: list(codes).map((code) => text(record(record(code)['context'])['secret'])),
    },
  }
}

/** A form of an answer, whatever that answer lacks. */
export function formOf (flow: FlowName, data: Record<string, unknown>): Form {
  const ui = record(data['ui'])
  const nodes = list(ui['nodes']) as FormNode[]
  return {
    flow,
    flowId: text(data['id']),
    nodes,
    offers: offersOf(nodes, list(ui['messages'])),
    errors: list(data['errors']) as FormError[],
    sent: data['sent'] === true,
  }
}
