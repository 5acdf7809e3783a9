export type Json = null | boolean | number | string | Json[] | { [member: string]: Json }
export type JsonObject = Record<string, Json>

/** Who sends a request: a native app with a session token, a page that fetches JSON, a browser that follows links. */
export type ClientName = 'app' | 'spa' | 'html'
export type FlowName = 'registration' | 'login' | 'settings' | 'recovery' | 'verification'

/** Which flow of its kind and client: the newest, the one before, one that does not exist, or none at all. */
export type FlowChoice = 'previous' | 'unknown' | 'malformed' | 'none'

/** How a request differs from what its client usually sends. */
export interface Manner {
  /** Without the client's session. */
  anonymous?: true
  headers?: Record<string, string>
}

interface Submit extends Manner {
  do: 'submit'
  as: ClientName
  flow: FlowName
  fields: JsonObject
  form?: true
  id?: FlowChoice
  /** Sent instead of the fields. */
  raw?: string
}

/**
 * One request of a walk, as data. It names what differs between two servers instead of holding it: in `fields`,
 * `$email:1` is the address of person 1, `$code:1` the newest code sent to that address (see values.ts).
 */
export type Step =
  | { do: 'open', as: ClientName, flow: FlowName, query?: Record<string, string> } & Manner
  | Submit
  | { do: 'fetch', as: ClientName, flow: FlowName, id?: FlowChoice } & Manner
  | { do: 'call', as: ClientName, method: string, path: string, body?: Json } & Manner
  | { do: 'logout', as: ClientName, token?: string, query?: Record<string, string> }
  /** The client loses its cookies, or its token. */
  | { do: 'forget', as: ClientName }
  /** Opens the newest link sent to a person. */
  | { do: 'link', as: ClientName, person: number }
  /** A call at the admin port; `$id:1` in the path is the identity of person 1. */
  | { do: 'admin', method: string, path: string, body?: Json }
  /** What was sent to a person. */
  | { do: 'mails', person: number }

export type Walk = Step[]

/** An answer in a form that two servers share: ids are numbered, times are distances. */
export interface Answer {
  status: number
  headers: Record<string, Json>
  body: Json
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const asObject = (value: unknown): JsonObject => isObject(value) ? value : {}
