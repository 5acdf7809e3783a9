import createClient, { type Middleware } from 'openapi-fetch'
import type { paths } from './api.js'

/** What a page would do with a client that openapi-typescript made of the document; compiled strictly, then run. */
export async function journey (baseUrl: string, email: string, password: string, totp: (secret: string) => string) {
  const cookies = new Map<string, string>()
  const jar: Middleware = {
    onRequest ({ request }) {
      request.headers.set('cookie', [...cookies].map(([name, value]) => `${name}=${value}`).join('; '))
      return request
    },
    onResponse ({ response }) {
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        cookies.set(name, value)
      }
    },
  }
  const api = createClient<paths>({ baseUrl })
  api.use(jar)

  const started = await api.GET('/api/auth/flows/registration')
  const id: string | undefined = started.data?.data.next === 'form' ? started.data.data.id : undefined
  if (id === undefined) throw new Error(`no form: ${started.error?.code ?? ''}`)

  const refused = await api.POST('/api/auth/flows/registration', { body: { flow_id: id, email, password: 'short' } })
  const complaints = refused.error?.next === 'form' ? refused.error.errors?.map(({ code }) => code) : undefined

  const signedUp = await api.POST('/api/auth/flows/registration', {
    body: { flow_id: id, method: 'password', traits: { email }, password },
  })
  const next = signedUp.data?.data.next

  const settings = await api.GET('/api/auth/flows/settings')
  if (settings.data?.data.next !== 'form') throw new Error('no settings')
  const { id: flowId = '', ui } = settings.data.data
  const shown = ui?.nodes.find(({ attributes }) => attributes['id'] === 'totp_secret_key')?.attributes['text']
  const { secret } = (shown as { context: { secret: string } }).context
  const enabled = await api.POST('/api/auth/flows/settings', {
    body: { flow_id: flowId, method: 'totp', totp_code: totp(secret) },
  })
  const whoami = await api.GET('/api/auth/whoami', { params: { query: { full: true } } })
  return { complaints, next, enabled: enabled.data?.data.next, email: whoami.data?.data.email }
}

/** Misspelt members of what an operation takes do not compile. */
export const MISSPELT: paths['/api/documents']['post']['requestBody'] = {
  content: {
    'application/json': {
      title: 'x',
      content: 'y',
      // @ts-expect-error: no such member
      contents: 'z',
    },
  },
}
