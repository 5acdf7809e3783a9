import { createClient, type SessionState } from 'fastify-kratos/client'

export interface Traits {
  email: string
  first_name?: string
  last_name?: string
  username?: string
}

const port = document.querySelector<HTMLMetaElement>('meta[name=service-port]')?.content ?? '3000'

/**
 * The service on this page's own host name: localhost and 127.0.0.1 are two sites, a cookie of one is not sent to the
 * other.
 */
export const auth = createClient<Traits>({ baseUrl: `${location.protocol}//${location.hostname}:${port}` })

export type Session = SessionState<Traits>
export type Person = Extract<Session, { state: 'in' }>['user']

export const nameOf = ({ traits, email }: Person): string =>
  [traits.first_name, traits.last_name].filter(Boolean).join(' ') || (email ?? '')
