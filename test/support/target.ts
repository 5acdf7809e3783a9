import type { Test } from 'tap'
import {
  type EmbeddedKratosOptions, type IdentityJson, type SentMessage,
  startEmbeddedKratos,
} from '../../kratos/embedded/index.js'

/**
 * The Kratos that a test runs against: an embedded one of its own, or one real Kratos for all, with
 * `kratos/kratos.yml`. Made for what both can do; an embedded one can do more (see `embeddedOnly`).
 */
export interface TargetKratos {
  publicUrl: string
  adminUrl: string
  /** As its admin port tells it. */
  version: string
  /** Stores an identity of the default schema. */
  createIdentity: (traits: IdentityJson['traits'], password?: string) => Promise<{ id: string }>
  /** Mails to an address, newest first. */
  messages: (address: string) => Promise<SentMessage[]>
}

export const PASSWORD = 'Xq7-velvet-harbor-42'

let count = 0
/** An address that no other test uses, nor one of an earlier run. */
export const freshEmail = (): string => `user-${process.pid}-${Date.now().toString(36)}-${++count}@example.test`

/** `npm run test:contract` sets all three. Two URLs alone do not count: they may be a developer's, for the service. */
const { TEST_KRATOS: kind, KRATOS_PUBLIC_URL: publicUrl = '', KRATOS_ADMIN_URL: adminUrl = '' } = process.env

export const isRealTarget = kind === 'real'
if (isRealTarget && (publicUrl === '' || adminUrl === '')) { throw new Error('a real Kratos needs KRATOS_PUBLIC_URL and KRATOS_ADMIN_URL') }

/** Options of a test which needs what nobody can tell a running real Kratos: a configuration, a fault, a clock. */
export const embeddedOnly = (need: string): { skip?: string } =>
  isRealTarget ? { skip: `needs ${need}, which only the embedded Kratos can be given` } : {}

/** The Kratos to test against; an embedded one closes with the test. */
export async function startTarget (t: Test, options: EmbeddedKratosOptions = {}): Promise<TargetKratos> {
  if (!isRealTarget) return await startEmbedded(t, options)
  if (Object.keys(options).length > 0) throw new Error('a real Kratos takes no options: mark the test as embeddedOnly')
  return await openReal()
}

/** Hundreds of passwords are hashed by a test run, and no test is about how well. */
const quickHashes = { hashers: { bcrypt: { cost: 4 } } }

async function startEmbedded (t: Test, { overrides = {}, ...options }: EmbeddedKratosOptions): Promise<TargetKratos> {
  const kratos = await startEmbeddedKratos({ ...options, overrides: { ...quickHashes, ...overrides } })
  t.teardown(() => kratos.close())
  const { publicUrl, adminUrl, version, createIdentity } = kratos
  return { publicUrl, adminUrl, version, createIdentity, messages: async (address) => kratos.messages(address) }
}

async function openReal (): Promise<TargetKratos> {
  const ask = async (path: string, body?: object): Promise<Record<string, any>> => {
    const json = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const answer = await fetch(`${adminUrl}${path}`, body === undefined ? {} : { method: 'POST', ...json })
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`)
    return await answer.json() as Record<string, any>
  }
  return {
    publicUrl,
    adminUrl,
    version: String((await ask('/admin/version'))['version']),
    createIdentity: async (traits, password) => {
      const credentials = password === undefined ? {} : { credentials: { password: { config: { password } } } }
      return await ask('/admin/identities', { schema_id: 'default', traits, ...credentials }) as { id: string }
    },
    messages: async (address) => {
      const mails = await ask(`/admin/courier/messages?recipient=${encodeURIComponent(address)}`) as Array<
        Record<string, string>
      >
      return mails.map(sentMessage)
    },
  }
}

/** As the embedded server shows a mail: with the code and the link that it holds. */
function sentMessage (
  { recipient: to = '', subject = '', body = '', template_type: template = '' }: Record<string, string>,
): SentMessage {
  const [code, link] = [/\b\d{6}\b/.exec(body)?.[0], /https?:\/\/\S+/.exec(body)?.[0]]
  return {
    to,
    subject,
    body,
    template,
    ...(code === undefined ? {} : { code }),
    ...(link === undefined ? {} : { link }),
  }
}
