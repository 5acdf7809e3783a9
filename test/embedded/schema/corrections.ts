import type { Json, JsonObject } from '../replay/types.js'

/**
 * An error of Kratos' OpenAPI document: v26.2.0 answers differently. Each is proved by recordings, which do not match
 * the document without the correction (test/contract/openapi.ts). What only the embedded server does is no reason.
 */
export interface Correction {
  /** JSON pointer into the document */
  at: string
  /** The correct value for what is there. */
  right: (wrong: JsonObject) => JsonObject
  reason: string
}

const ref = (name: string): JsonObject => ({ $ref: `#/components/${name}` })
const orNull = (schema: JsonObject): JsonObject => ({ anyOf: [schema, { type: 'null' }] })
const orError = (schema: JsonObject): JsonObject => ({ anyOf: [schema, ref('schemas/errorGeneric')] })
const redirect = (): JsonObject => ref('responses/emptyResponse')
const plainText = (): JsonObject => ({ content: { 'text/plain': { schema: { type: 'string' } } } })
const path = (template: string): string => `/paths/${template.replaceAll('/', '~1')}`
const submit400 = (flow: string): string =>
  `${path(`/self-service/${flow}`)}/post/responses/400/content/application~1json/schema`

const text: Json = { type: 'string' }
const errorDetails: JsonObject = {
  type: 'object',
  additionalProperties: false,
  properties: {
    ...Object.fromEntries(
      ['api', 'docs', 'hint', 'identity_id', 'redirect_browser_to', 'redirect_to', 'reject_reason', 'return_to'].map(
        (name) => [name, text],
      ),
    ),
    continue_with: { type: 'array', items: ref('schemas/continueWith') },
    'found cookies': { type: 'array', items: text },
  },
}

const noFlow =
  'an error before there is a flow (unknown id, malformed id, hook, body limit) is 400 with an error object, not with the flow (recordings 14, 72, 75, 86)'

export const corrections: Correction[] = [
  {
    at: '/components/schemas/genericError/properties/details',
    right: () => errorDetails,
    reason:
      'says that details are always empty; they tell why and where to go on (recordings 13, 20, 34, 63, and further-answers.json)',
  },
  {
    at: '/components/schemas/errorBrowserLocationChangeRequired/properties/error',
    right: () => ref('schemas/genericError'),
    reason: 'wants the error object in another error object (recordings 34, 55, 56, 68)',
  },
  {
    at: '/components/schemas/sessionDevice/properties/user_agent',
    right: orNull,
    reason: 'null where the client sent no User-Agent (recording 45; docs/kratos-facts.md, section 3)',
  },
  {
    at: '/components/schemas/session/properties/devices',
    right: orNull,
    reason: 'null in the list of all sessions unless asked for (further-answers.json)',
  },
  {
    at: '/components/schemas/session/properties/identity',
    right: orNull,
    reason: "null in the login's answer when whoami would ask for a second factor (recording 34)",
  },
  {
    at: '/components/schemas/successfulNativeLogin/properties/continue_with',
    right: orNull,
    reason: 'null, not absent, when there is nothing to go on with (recording 10)',
  },
  {
    at: '/components/schemas/successfulNativeRegistration/properties/continue_with',
    right: orNull,
    reason: 'null, not absent, when there is nothing to go on with (recording 04)',
  },
  {
    at: '/components/schemas/uiContainer/properties/nodes',
    right: orNull,
    reason: 'null in a flow that has nothing to choose from (recording 12)',
  },
  {
    at: '/components/schemas/loginFlow/properties/active',
    right: ({ enum: known, ...rest }) => ({ ...rest, enum: [...(known as Json[]), 'identifier_first'] }),
    reason: 'forgets the step that only asks who you are (recording 08)',
  },
  ...['login', 'registration', 'recovery', 'verification'].map((flow) => ({
    at: submit400(flow),
    right: orError,
    reason: noFlow,
  })),
  {
    at: '/components/responses/emptyResponse',
    right: (empty) => ({ ...empty, content: { 'text/html': { schema: { type: 'string' } } } }),
    reason: 'a redirect to a browser carries a line of HTML with the link (recordings 05, 21, 40)',
  },
  {
    at: `${path('/self-service/logout/browser')}/get/responses/303`,
    right: redirect,
    reason: 'without a session a browser is sent to the error page (recordings 40, 64)',
  },
  {
    at: `${path('/self-service/recovery/browser')}/get/responses/302`,
    right: redirect,
    reason: 'who is logged in already is sent home (recording 56)',
  },
  {
    at: `${path('/self-service/registration')}/post/responses/302`,
    right: redirect,
    reason: 'a weak password over a form is 302, everything else 303 (recording 22)',
  },
  {
    at: `${path('/version')}/get/responses/404`,
    right: plainText,
    reason: 'the public port does not have it (recording 82)',
  },
  {
    at: `${path('/sessions/whoami')}/get/responses/431`,
    right: plainText,
    reason: 'headers over 1 MiB are refused before anything is routed (recording 86)',
  },
  {
    at: `${path('/admin/metrics/prometheus')}/get/responses/200`,
    right: plainText,
    reason: 'is left out of the document (recording 82)',
  },
]
