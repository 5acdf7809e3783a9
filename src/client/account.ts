import { type Body, sendCode } from './bodies.js'
import { NOT_OFFERED } from './complaints.js'
import { askForPasskey, hasPasskeys } from './passkeys.js'
import type { Answer, Device, FlowName, Form, FormError, InFlow, Options, Outcome, Reply } from './types.js'

type Json = Record<string, unknown>

/** What the intents of an account area are made of. */
export interface Core {
  call: (method: string, path: string, body?: Json, options?: Options, base?: string) => Promise<Reply>
  read: (path: string, options?: Options, base?: string) => Promise<Reply>
  begin: (path: string, options?: Options) => Promise<Outcome>
  submit: (flow: FlowName, body: Body, options?: InFlow & { query?: string }) => Promise<Outcome>
  outcomeOf: (reply: Reply, flow: FlowName) => Outcome
  dataOf: (reply: Reply) => Json
  prefix: string
}

/** What a path of a name like `traits.email` leads to. */
const valueAt = (value: Json, path: string): string =>
  String(path.split('.').reduce<unknown>((owner, name) => (owner as Json | undefined)?.[name], value) ?? '')

const displayName = (json: string, traits: unknown): string =>
  valueAt({ traits }, (JSON.parse(json || '{}') as { displayNameFieldName?: string }).displayNameFieldName ?? '')

const fieldErrors = (fields: unknown): FormError[] =>
  (Array.isArray(fields) ? fields as Array<{ path: string, message: string }> : [])
    .map(({ path, message }) => ({ field: path.slice(1), code: 'invalid', id: 0, text: message, context: {} }))

/** Without a code one is sent: once more where the flow has sent one already. */
const byCode = (person: Json, code: string | undefined): Body =>
  code === undefined ? (form) => ({ ...sendCode(form), ...person }) : { method: 'code', code, ...person }

export function accountIntents<Traits> ({ call, read, begin, submit, outcomeOf, dataOf, prefix }: Core) {
  /** One ceremony: a form that offers a key, the person's answer, and the step that takes it. */
  async function withKey (
    flow: FlowName,
    field: 'passkey_login' | 'passkey_register' | 'passkey_settings_register' | 'webauthn_login' | 'webauthn_register',
    options: InFlow & { query?: string } = {},
    body: Json = {},
  ): Promise<Outcome> {
    if (!hasPasskeys()) return { kind: 'cancelled' }
    const [method] = field.split('_') as ['passkey' | 'webauthn']
    const optionsOf = ({ offers }: Form): string => method === 'passkey' ? offers.passkey : offers.securityKey
    const { query = method === 'webauthn' ? '?method=webauthn' : '' } = options
    let outcome = await begin(`/flows/${flow}${query}`, options)
    if (outcome.kind === 'form' && flow === 'registration' && optionsOf(outcome.form) === '') {
      // Who someone is comes first, and then how they log in.
      const { signal } = options
      outcome = await submit(flow, { method: 'profile', ...body }, { signal, flowId: outcome.form.flowId })
    }
    if (outcome.kind !== 'form' || outcome.form.flow !== flow || outcome.form.errors.length > 0) return outcome
    const { form } = outcome
    const given = optionsOf(form)
    if (given === '') return { kind: 'form', form: { ...form, errors: [NOT_OFFERED] } }
    const name = displayName(given, body['traits'])
    const how = flow === 'login' ? 'get' : 'create'
    const key = await askForPasskey(how, given, { name, signal: options.signal })
    if (key === undefined) return { kind: 'cancelled' }
    const whose = method === 'webauthn' && flow === 'login' ? { identifier: form.offers.identifier } : {}
    return await submit(flow, { method, [field]: key, ...whose, ...body }, { ...options, flowId: form.flowId })
  }

  /**
   * Any other route of the product, under the same rules: it may answer in the API's envelope, with JSON of its own
   * or with a text. `path` is the whole path, without `prefix`.
   */
  async function request<Data = Json> (
    method: string,
    path: string,
    body?: Json,
    options?: Options,
  ): Promise<Answer<Data>> {
    const reply = method === 'GET' ? await read(path, options, '') : await call(method, path, body, options, '')
    const { status, content, body: { success, data = {}, next, code, error, message, fields } } = reply
    if (status >= 200 && status < 300) return { kind: 'ok', data: (success === true ? data : content) as Data }
    if (code === 'INVALID_SESSION' && next === undefined) return { kind: 'log_in_again', flowId: undefined, start: undefined }
    const outcome = outcomeOf(reply, 'login')
    const isRefusal = (next === undefined || next === 'form') && status >= 400 && status < 500 && status !== 429
    if (!isRefusal && outcome.kind !== 'form' && outcome.kind !== 'done') return outcome
    const words = success === false ? error : message ?? error ?? content
    const text = typeof words === 'string' ? words : ''
    return { kind: 'refused', code: String(code ?? status), text, errors: fieldErrors(fields) }
  }

  return {
    request,

    /** Has a code mailed that lets the user in; with that code and the `flowId` of its form: logs in. */
    logInByCode: (identifier: string, code?: string, options?: InFlow) =>
      submit('login', byCode({ identifier }, code), options),

    /** The same for a new account. */
    signUpByCode: (traits: Partial<Traits>, code?: string, options?: InFlow) =>
      submit('registration', byCode({ traits }, code), options),

    signUpWithPasskey: (traits: Partial<Traits>, options?: InFlow) =>
      withKey('registration', 'passkey_register', options, { traits }),

    logInWithPasskey: (options?: InFlow) => withKey('login', 'passkey_login', options),

    logInAgainWithPasskey: (options?: InFlow) =>
      withKey('login', 'passkey_login', { ...options, query: '?refresh=true' }),

    /** Leads to a social login that proves once more who is logged in; the outcome is a `redirect`. */
    logInAgainWith: (provider: string, options?: InFlow) =>
      submit('login', { method: 'oidc', provider }, { ...options, query: '?refresh=true&method=oidc' }),

    addPasskey: (options?: InFlow) => withKey('settings', 'passkey_settings_register', options),

    removePasskey: (id: string, options?: InFlow) =>
      submit('settings', { method: 'passkey', passkey_remove: id }, options),

    /** Proves the second factor by a security key. */
    secondFactorWithKey: (options?: Options) =>
      withKey('login', 'webauthn_login', { ...options, query: '?aal=aal2&method=webauthn' }),

    /** @param name what the key is called in the list of `offers.securityKeys` */
    addSecurityKey: (name: string, options?: Options) =>
      withKey('settings', 'webauthn_register', options, { webauthn_register_displayname: name }),

    removeSecurityKey: (id: string, options?: InFlow) =>
      submit('settings', { method: 'webauthn', webauthn_remove: id }, { ...options, query: '?method=webauthn' }),

    /** New backup codes, to be shown and saved; they count when `confirmBackupCodes` was called in the same flow. */
    newBackupCodes: (options?: InFlow) =>
      submit('settings', { method: 'lookup_secret', lookup_secret_regenerate: true }, options),

    confirmBackupCodes: (options: InFlow) =>
      submit('settings', { method: 'lookup_secret', lookup_secret_confirm: true }, options),

    showBackupCodes: (options?: InFlow) =>
      submit('settings', { method: 'lookup_secret', lookup_secret_reveal: true }, options),

    disableBackupCodes: (options?: InFlow) =>
      submit('settings', { method: 'lookup_secret', lookup_secret_disable: true }, options),

    /** Leads to the provider; the outcome is a `redirect`. */
    link: (provider: string, options?: InFlow) =>
      submit('settings', { method: 'oidc', link: provider }, { ...options, query: '?method=oidc' }),

    unlink: (provider: string, options?: InFlow) =>
      submit('settings', { method: 'oidc', unlink: provider }, { ...options, query: '?method=oidc' }),

    /** @returns undefined when the devices cannot be told */
    devices: async (options?: Options): Promise<Device[] | undefined> => {
      const { sessions } = dataOf(await read('/sessions', options))
      return Array.isArray(sessions) ? sessions as Device[] : undefined
    },

    /** @returns whether the session of a device has ended */
    logOutDevice: async (id: string, options?: Options): Promise<boolean> =>
      (await call('DELETE', `/sessions/${encodeURIComponent(id)}`, undefined, options)).status === 200,

    /** @returns how many other devices were logged out */
    logOutOthers: (options?: Options) => request<{ revoked: number }>('DELETE', `${prefix}/sessions`, undefined, options),

    /** Deletes the account for good; wants a recent login. */
    deleteAccount: (options?: Options) => request<{ id: string }>('DELETE', `${prefix}/account`, undefined, options),
  }
}
