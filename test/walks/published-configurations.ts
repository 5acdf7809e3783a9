import { all, email, flows, methods, on, schemaOf, UI, type Configuration } from './base-configuration.js'
import type { JsonObject } from './steps.js'

const KRATOS = 'ory.sh/kratos'
const session: JsonObject = { hook: 'session' }
const RELYING_PARTY = { id: 'app.test', display_name: 'Walks', origins: [UI] }
/** Every walk has it. */
const name = { type: 'string', title: 'Name' }
const identifier = { credentials: { password: { identifier: true } } }

/** In the manner of what people publish: quickstarts, templates and the files of products. */
export const PUBLISHED: Record<string, Configuration> = {
  // A product's account area: every method, the second factor wanted everywhere, lists of choices.
  'account-area': {
    schema: schemaOf({
      email: {
        ...email,
        maxLength: 320,
        [KRATOS]: {
          credentials: {
            ...identifier.credentials,
            webauthn: { identifier: true },
            passkey: { display_name: true },
            code: { identifier: true, via: 'email' },
          },
          verification: { via: 'email' },
          recovery: { via: 'email' },
        },
      },
      name,
      full: { type: 'object', properties: { first: { type: 'string', title: 'First name' }, last: { type: 'string' } } },
      preferred_language: { type: 'string', title: 'Preferred language', enum: ['en', 'de', 'zh'], default: 'en' },
      terms: { type: 'boolean', title: 'Terms', const: true },
    }),
    config: all(
      methods({
        code: { enabled: true, config: { lifespan: '15m' } },
        webauthn: { enabled: true, config: { passwordless: false, rp: RELYING_PARTY } },
        passkey: { enabled: true, config: { rp: RELYING_PARTY } },
      }),
      flows({
        registration: { after: { password: { hooks: [session, { hook: 'show_verification_ui' }] } } },
        settings: { required_aal: 'highest_available' },
      }),
      { session: { whoami: { required_aal: 'highest_available' } } },
    ),
  },
  // Social login first: traits that may be null, more of them than the schema names.
  'nullable-traits': {
    schema: schemaOf({
      email,
      name: { type: 'string', minLength: 1, maxLength: 200 },
      avatar_url: { type: ['string', 'null'], format: 'uri' },
      github_id: { type: ['string', 'null'], pattern: '^[0-9]+$' },
    }, { additionalProperties: true }),
    config: all(
      flows({ login: { lifespan: '30m' }, registration: { after: { default_browser_return_url: `${UI}/chat` } } }),
      {
        session: { lifespan: '720h', cookie: { name: 'product_session', path: '/', same_site: 'Lax', persistent: true } },
        feature_flags: { use_continue_with_transitions: true },
      },
    ),
  },
  // Phones of one country, which log in too.
  'phones-of-a-country': {
    schema: schemaOf({
      email,
      name,
      phone: {
        type: 'string',
        format: 'tel',
        pattern: '^\\+[0-9]{8,15}$',
        title: 'Phone',
        [KRATOS]: { ...identifier, verification: { via: 'sms' } },
      },
      consent: {
        type: 'object',
        properties: { given: { type: 'boolean' }, at: { type: 'string', format: 'date-time' } },
        required: ['given'],
      },
    }),
    config: all(flows({ login: { after: { password: { hooks: [{ hook: 'require_verified_address' }] } } } })),
  },
  // An address for recovery only, further ones in a list, links in mails.
  'handles-and-lists': {
    schema: schemaOf({
      email: { ...email, [KRATOS]: { ...identifier, recovery: { via: 'email' } } },
      user: { type: 'string', title: 'Handle', pattern: '^[A-Za-z0-9_.@+-]{3,60}$', [KRATOS]: identifier },
      name,
      tags: { type: 'array', items: { type: 'string' }, maxItems: 2, uniqueItems: true },
      emails: { type: 'array', items: { type: 'string', format: 'email', [KRATOS]: { verification: { via: 'email' } } } },
    }),
    config: all(methods({ link: { enabled: true, config: { lifespan: '15m' } } }), flows({ recovery: { use: 'link' } })),
  },
  // Conditions and definitions, and a form in two steps.
  'conditional-traits': {
    schema: schemaOf({
      email,
      name,
      kind: { type: 'string', enum: ['person', 'company'], title: 'Kind' },
      vat: { type: 'string', title: 'VAT' },
      age: { type: 'integer', exclusiveMinimum: 17, title: 'Age' },
    }, {
      allOf: [{ if: { properties: { kind: { const: 'company' } }, required: ['kind'] }, then: { required: ['vat'] } }],
      dependencies: { age: ['kind'] },
    }),
    config: all(
      methods({ lookup_secret: on, totp: { enabled: true, config: { issuer: 'Product' } } }),
      flows({ registration: { style: 'profile_first' }, login: { style: 'identifier_first' } }),
    ),
  },
}
