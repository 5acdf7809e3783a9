/** One header as sent: name and value; duplicates stay in order. */
export type HeaderPair = [name: string, value: string]

export type Json = null | boolean | number | string | Json[] | { [member: string]: Json }
export type JsonObject = { [member: string]: Json }

export interface RecordedRequest {
  method: string
  /** `public:/path` or `admin:/path` */
  url: string
  headers: HeaderPair[]
  body?: Json
}

/** An answer, recorded or live. Status 0 means that the connection closed without one. */
export interface Answer {
  status: number
  headers: HeaderPair[]
  body?: Json
}

export interface Exchange {
  step: string
  request: RecordedRequest
  response: Answer
  elapsed_ms?: number
}

export interface RecordedMail {
  type: string
  recipient: string
  subject: string
  template_type: string
  body: string
  status: string
}

export interface HookCall {
  at_ms: number
  request: RecordedRequest & { http_version?: string }
  response?: { status: number | null, body: Json }
}

export interface HookStep {
  during: string
  answered_after_ms?: number
  calls: HookCall[]
}

export interface Recording {
  scenario: string
  config: string
  exchanges: Exchange[]
  mails?: RecordedMail[]
  webhook_calls?: HookStep[]
}

/** A recording with its file name without `.json`, e.g. `10-api-login`. */
export interface NamedRecording extends Recording {
  name: string
}

/** A difference between a recorded and a live answer, with a readable place such as `body.ui.nodes[2].type`. */
export interface Difference {
  at: string
  recorded: string
  live: string
}

/** Result of one exchange, or of one mail or web hook call, whose index is -1. */
export interface StepResult {
  index: number
  step: string
  differences: Difference[]
}

export interface ScenarioResult {
  name: string
  steps: StepResult[]
  /** mails and web hook calls, counted separately from the exchanges */
  effects: StepResult[]
}

export function isJsonObject (value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
