export const PASSWORD = 'Xq7-velvet-harbor-42'

export interface JsonAnswer {
  status: number
  headers: Headers
  body: Record<string, any>
}

/** One JSON call, without redirects and cookies. */
export async function call (
  method: string,
  url: string,
  options: { body?: unknown, headers?: Record<string, string> } = {},
): Promise<JsonAnswer> {
  const json = options.body === undefined ? {} : { 'content-type': 'application/json' }
  const answer = await fetch(url, {
    method,
    redirect: 'manual',
    headers: { accept: 'application/json', ...json, ...options.headers },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  })
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) }
}

/** Opens an API flow and submits it. */
export async function submitFlow (
  publicUrl: string,
  flow: 'registration' | 'login' | 'recovery',
  body: object,
): Promise<JsonAnswer> {
  const init = await call('GET', `${publicUrl}/self-service/${flow}/api`)
  return await call('POST', `${publicUrl}/self-service/${flow}?flow=${init.body['id']}`, { body })
}

export const register = async (publicUrl: string, email: string): Promise<JsonAnswer> =>
  await submitFlow(publicUrl, 'registration', { method: 'password', password: PASSWORD, traits: { email } })

export const logIn = async (publicUrl: string, identifier: string, password = PASSWORD): Promise<JsonAnswer> =>
  await submitFlow(publicUrl, 'login', { method: 'password', identifier, password })

export const whoami = async (publicUrl: string, headers: Record<string, string>): Promise<JsonAnswer> =>
  await call('GET', `${publicUrl}/sessions/whoami`, { headers })
