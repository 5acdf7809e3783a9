import { Configuration, FrontendApi, ResponseError, type UiContainer } from '@ory/client-fetch'
import type { Exchanged } from '../schema/described.js'
import type { Json } from '../replay/types.js'
import type { TargetKratos } from '../../support/target.js'
import { createJar } from './jar.js'

export type Kind = 'native' | 'browser'

interface LoginOptions {
  refresh?: boolean
  aal?: string
}

/** A user of the stock SDK, in an app or in a browser, with the same interface. */
export interface Visitor {
  api: FrontendApi
  /** Opens a flow of the visitor's kind. */
  open: ReturnType<typeof openers>
  /** What an app sends in addition; a browser sends its cookies. */
  credential: () => { xSessionToken?: string }
  /** Hidden form fields; an app has none. */
  hidden: (flow: { ui: UiContainer }) => { csrf_token?: string }
  /** Keeps the token of an answer; a browser already has a cookie. */
  keep: (token: string | undefined) => void
}

/** @param exchanges gets all requests and answers */
export function createVisitor (kind: Kind, kratos: TargetKratos, exchanges: Exchanged[]): Visitor {
  const jar = createJar()
  let token: string | undefined
  const credential = (): { xSessionToken?: string } => token === undefined ? {} : { xSessionToken: token }
  const api = new FrontendApi(
    new Configuration({
      basePath: kratos.publicUrl,
      // The SDK sends no Accept header, so that Kratos takes a browser for one that navigates (docs/kratos-facts.md,
      // section 5).
      headers: { Accept: 'application/json' },
      fetchApi: observed(kind === 'browser' ? jar.fetch : fetch, kratos, exchanges),
    }),
  )
  return {
    api,
    credential,
    open: openers(api, kind, credential),
    hidden: ({ ui }) => kind === 'native' ? {} : { csrf_token: hiddenValue(ui, 'csrf_token') },
    keep: (value) => {
      if (kind === 'native') token = value
    },
  }
}

function openers (api: FrontendApi, kind: Kind, credential: () => { xSessionToken?: string }) {
  const isNative = kind === 'native'
  return {
    registration: async () =>
      isNative ? await api.createNativeRegistrationFlow() : await api.createBrowserRegistrationFlow(),
    login: async (options: LoginOptions = {}) =>
      isNative
        ? await api.createNativeLoginFlow({ ...options, ...credential() })
        : await api.createBrowserLoginFlow(options),
    settings: async () =>
      isNative ? await api.createNativeSettingsFlow(credential()) : await api.createBrowserSettingsFlow(),
    recovery: async () => isNative ? await api.createNativeRecoveryFlow() : await api.createBrowserRecoveryFlow(),
    verification: async () =>
      isNative ? await api.createNativeVerificationFlow() : await api.createBrowserVerificationFlow(),
  }
}

function hiddenValue ({ nodes }: UiContainer, name: string): string {
  const node = nodes.find(({ attributes }) => attributes.node_type === 'input' && attributes.name === name)
  return node?.attributes.node_type === 'input' ? String(node.attributes.value) : ''
}

/** A fetch that records its answers; if the admin port redirects to the public one, that answer. */
export function observed (fetchApi: typeof fetch, { adminUrl }: TargetKratos, exchanges: Exchanged[]): typeof fetch {
  return async (input, init) => {
    const answer = await fetchApi(input, init)
    const { origin, pathname, search } = new URL(answer.redirected ? answer.url : String(input))
    const port = origin === adminUrl ? 'admin' : 'public'
    const text = await answer.clone().text()
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
    const body: Json = text === '' ? null : isJson ? JSON.parse(text) as Json : text
    exchanges.push([
      { method: init?.method ?? 'GET', url: `${port}:${pathname}${search}` },
      { status: answer.status, headers: [...answer.headers], body },
    ])
    return answer
  }
}

export interface Refusal {
  status: number
  body: Record<string, any>
}

/** What the SDK throws for an answer that is not 2xx. */
export async function refusal (promise: Promise<unknown>): Promise<Refusal> {
  try {
    await promise
  } catch (error) {
    if (error instanceof ResponseError) {
      return { status: error.response.status, body: (await error.response.json()) as Record<string, any> }
    }
    throw error
  }
  throw new Error('was not refused')
}
